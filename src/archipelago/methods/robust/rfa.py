"""Robust Aggregation for Federated Learning (Pillutla, Kakade, Harchaoui, 2022): RFA, among peers, with local momentum.

https://arxiv.org/abs/1912.13445
"""

from __future__ import annotations

from archipelago.methods.robust.dsgd import DSGD
from archipelago.population.aggregation import Rule, Weighted, geometric_median_weights


class RFA(DSGD):
    """Peers take the geometric median of the models they hear."""

    @property
    def rule(self) -> Rule:
        """Smoothed Weiszfeld, 8 iterations."""
        return Weighted(geometric_median_weights)
