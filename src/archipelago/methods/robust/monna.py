"""Robust Collaborative Learning with Linear Gradient Overhead (Farhadkhani et al., ICML 2023): MoNNA.

https://proceedings.mlr.press/v202/farhadkhani23a.html
"""

from __future__ import annotations

from functools import partial

import torch

from archipelago.gossip.batches import NodeBatch
from archipelago.methods.robust.dsgd import DSGD
from archipelago.population.aggregation import Rule, Weighted, nearest_neighbour_weights


class MoNNA(DSGD):
    """Momentum on local gradients, nearest-neighbour averaging of models (Algorithm 1)."""

    @property
    def rule(self) -> Rule:
        """The mean of the n - 2f models nearest to the own one, itself among them."""
        return Weighted(partial(nearest_neighbour_weights, keep=self.peers - 2 * self.byzantine))


class MixedMomenta(MoNNA):
    """Ablation: momenta are mixed instead of models, which then only drift."""

    def step(self, batch: NodeBatch) -> None:
        """Mix the local momenta, then step along the mix."""
        self.momentum.mul_(self.beta).add_(self.gradient(batch), alpha=1 - self.beta)
        mixed = self.exchange(batch, self.momentum, origin=torch.zeros_like(self.momentum), broadcast="momenta")
        self.theta.sub_(self.step_size(batch) * mixed)
