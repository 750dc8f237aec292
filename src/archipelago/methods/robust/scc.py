"""Byzantine-Robust Decentralized Learning via ClippedGossip (He, Karimireddy, Jaggi, 2022): self-centred clipping.

With local momentum. https://arxiv.org/abs/2202.01545
"""

from __future__ import annotations

from functools import partial
from typing import Any

from archipelago.methods.robust.dsgd import DSGD
from archipelago.population.aggregation import Rule, Weighted, clipping_weights
from archipelago.ranges import Positive


class SelfCentredClipping(DSGD):
    """Peers move towards the models they hear, from each by at most ``radius`` (tau_c) before averaging."""

    def __init__(self, radius: Positive, **common: Any) -> None:
        super().__init__(**common)
        self.radius = radius

    @property
    def rule(self) -> Rule:
        """The own model and the mean of the clipped differences to it."""
        return Weighted(partial(clipping_weights, radius=self.radius))
