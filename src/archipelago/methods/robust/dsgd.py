"""D-SGD with local momentum: peers step, broadcast their models and average what they hear.

Lian et al., NeurIPS 2017, https://arxiv.org/abs/1705.09056; not robust: one lie moves the average anywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archipelago.gossip.batches import NodeBatch
from archipelago.gossip.broadcast import Broadcast
from archipelago.population.aggregation import Rule, Weighted, mean_weights
from archipelago.ranges import Share


class DSGD(Broadcast):
    """Plain average; the momentum ``beta`` is damped by ``1 - beta``."""

    momentum: Tensor

    def __init__(self, beta: Share, **common: Any) -> None:
        super().__init__(**common)
        self.beta = beta

    def declare_state(self) -> None:
        """A momentum for every honest peer."""
        self.register_buffer("momentum", torch.zeros_like(self.theta))

    @property
    def rule(self) -> Rule:
        """The mean."""
        return Weighted(mean_weights)

    def step(self, batch: NodeBatch) -> None:
        """Half step along the local momentum, then mix the models."""
        self.momentum.mul_(self.beta).add_(self.gradient(batch), alpha=1 - self.beta)
        half = self.theta - self.step_size(batch) * self.momentum
        self.theta.copy_(self.exchange(batch, half, origin=self.theta))
