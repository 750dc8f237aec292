"""BRIDGE: Byzantine-resilient decentralized gradient descent (Fang, Yang, Bajwa, 2022), with local momentum.

https://arxiv.org/abs/1908.08098
"""

from __future__ import annotations

from functools import partial

from archipelago.methods.robust.dsgd import DSGD
from archipelago.population.aggregation import Coordinatewise, Rule, trimmed_mean


class TrimmedMean(DSGD):
    """Peers take the coordinate-wise trimmed mean of the models they hear (BRIDGE-T)."""

    @property
    def rule(self) -> Rule:
        """The mean of each coordinate without the f smallest and the f largest values."""
        return Coordinatewise(partial(trimmed_mean, trim=self.byzantine))
