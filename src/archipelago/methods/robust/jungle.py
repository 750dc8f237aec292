"""Collaborative Learning in the Jungle (El-Mhamdi et al., NeurIPS 2021), with trimmed means for both agreements.

https://arxiv.org/abs/2008.00742
"""

from __future__ import annotations

from functools import partial

import torch

from archipelago.gossip.batches import NodeBatch
from archipelago.gossip.peers import Gossip
from archipelago.population.aggregation import Coordinatewise, Rule, trimmed_mean


class Jungle(Gossip):
    """Peers agree on gradients, step, then agree on models; no momentum. Both broadcasts are attacked."""

    @property
    def rule(self) -> Rule:
        """The mean of each coordinate without the f smallest and the f largest values."""
        return Coordinatewise(partial(trimmed_mean, trim=self.byzantine))

    def step(self, batch: NodeBatch) -> None:
        """Mix the gradients, step, mix the models."""
        own = self.gradient(batch)
        gradient = self.exchange(batch, own, origin=torch.zeros_like(own), broadcast="gradients")
        half = self.theta - self.step_size(batch) * gradient
        self.theta.copy_(self.exchange(batch, half, origin=self.theta))
