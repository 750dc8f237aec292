"""Collaborative Learning in the Jungle (El-Mhamdi et al., NeurIPS 2021), with trimmed means for both agreements.

https://arxiv.org/abs/2008.00742
"""

from __future__ import annotations

import torch

from archipelago.gossip.batches import NodeBatch
from archipelago.methods.robust.trimmed_mean import TrimmedMean


class Jungle(TrimmedMean):
    """Peers agree on gradients (momenta, if beta > 0), step, then agree on models; both broadcasts are attacked."""

    def step(self, batch: NodeBatch) -> None:
        """Mix the gradients, step, mix the models."""
        self.momentum.mul_(self.beta).add_(self.gradient(batch), alpha=1 - self.beta)
        agreed = self.exchange(batch, self.momentum, origin=torch.zeros_like(self.momentum), broadcast="gradients")
        half = self.theta - self.step_size(batch) * agreed
        self.theta.copy_(self.exchange(batch, half, origin=self.theta))
