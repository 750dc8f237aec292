"""The feed of peers: one minibatch for each of them in every round."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from archipelago.errors import ArchipelagoError
from archipelago.population.feeds import ImageFeed
from archipelago.randomness import torch_stream
from archipelago.ranges import Count, Whole


class NodeBatch(NamedTuple):
    """What the peers train on in one round; every ``probe_every`` rounds also some test samples and their labels."""

    round: int
    x: Tensor
    """[peers, batch, ...]"""
    y: Tensor
    """[peers, batch]"""
    probe: tuple[Tensor, Tensor] | None


class NodeBatches(ImageFeed):
    """Every round each peer draws ``batch_size`` samples, uniformly with replacement, from its part of the data.

    Every ``probe_every`` rounds (0: never) the first ``probe_samples`` test samples come along, for a quick look at the
    accuracy between evaluations.
    """

    def __init__(self, batch_size: Count, probe_every: Whole = 0, probe_samples: Count = 2000, **common: Any) -> None:
        super().__init__(**common)
        self.batch_size, self.probe_every, self.probe_samples = batch_size, probe_every, probe_samples
        self.peers = self.partition.clients

    def setup(self, stage: str) -> None:
        """Lay the peers' samples side by side.

        Raises:
            ArchipelagoError: a peer has no samples.
        """
        sizes = self.partition.sizes()
        if not sizes.all():
            raise ArchipelagoError(
                f"{(sizes == 0).sum()} of {self.peers} peers hold no samples",
                key="partition",
                remedy="Raise alpha or samples.",
            )
        self.held = torch.cat([torch.from_numpy(self.partition.indices(peer)) for peer in range(self.peers)])
        self.sizes = torch.from_numpy(sizes).unsqueeze(1)
        self.starts = self.sizes.cumsum(0) - self.sizes
        images, labels = self.data.test_images[: self.probe_samples], self.data.test_labels[: self.probe_samples]
        self.probe = self.data.as_float(images), labels

    def item(self, round: int) -> NodeBatch:
        """The batches of a round: a function of (seed, round)."""
        stream = torch_stream(self.seed, "batches", round)
        drawn = torch.rand(self.peers, self.batch_size, generator=stream, dtype=torch.float64)
        samples = self.held[self.starts + (drawn * self.sizes).long()].flatten()
        shape = (self.peers, self.batch_size)
        x = self.data.as_float(self.data.train_images[samples]).unflatten(0, shape)
        y = self.data.train_labels[samples].unflatten(0, shape)
        probing = self.probe_every > 0 and round % self.probe_every == 0
        return NodeBatch(round, x, y, self.probe if probing else None)
