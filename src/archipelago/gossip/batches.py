"""The feed of peers: one minibatch for each of them in every round."""

from __future__ import annotations

from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from archipelago.data.sets import Images
from archipelago.errors import ArchipelagoError
from archipelago.partition.partition import Partition
from archipelago.population.rounds import Rounds
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


class NodeBatches(pl.LightningDataModule):
    """Every round each peer draws ``batch_size`` samples, uniformly with replacement, from its part of the data.

    Every ``probe_every`` rounds (0: never) the first ``probe_samples`` test samples come along, for a quick look at the
    accuracy between evaluations.
    """

    def __init__(
        self,
        data: Images,
        partition: Partition,
        rounds: int,
        seed: int,
        batch_size: Count,
        probe_every: Whole = 0,
        probe_samples: Count = 2000,
    ) -> None:
        super().__init__()
        self.data, self.partition, self.rounds, self.seed = data, partition, rounds, seed
        self.batch_size, self.probe_every, self.probe_samples = batch_size, probe_every, probe_samples
        self.peers = partition.clients

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
        self.test = self.data.as_float(self.data.test_images), self.data.test_labels.long()
        self.probe = self.test[0][: self.probe_samples], self.test[1][: self.probe_samples]

    def batch(self, round: int) -> NodeBatch:
        """The batches of a round: a function of (seed, round)."""
        stream = torch_stream(self.seed, "batches", round)
        drawn = torch.rand(self.peers, self.batch_size, generator=stream, dtype=torch.float64)
        samples = self.held[self.starts + (drawn * self.sizes).long()].flatten()
        shape = (self.peers, self.batch_size)
        x = self.data.as_float(self.data.train_images[samples]).unflatten(0, shape)
        y = self.data.train_labels[samples].long().unflatten(0, shape)
        probing = self.probe_every > 0 and round % self.probe_every == 0
        return NodeBatch(round, x, y, self.probe if probing else None)

    def train_dataloader(self) -> Rounds:
        """One item a round."""
        return Rounds(self.rounds, self.batch)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """The whole test set as one batch."""
        return DataLoader([self.test], batch_size=None)  # type: ignore[arg-type]
