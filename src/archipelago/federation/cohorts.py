"""The feed of a federation: which clients take part in a round, and their samples."""

from __future__ import annotations

from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from torch import Tensor

from archipelago.data import Images
from archipelago.partition import Partition
from archipelago.population.rounds import Rounds
from archipelago.randomness import torch_stream


@dataclass(frozen=True)
class Cohort:
    """The clients of one round, in ascending order."""

    round: int
    clients: list[int]


class Cohorts(pl.LightningDataModule):
    """Every round a uniform sample (without replacement) of ``participation`` of the clients.

    The samples of a client lie together in memory, so that a client's shard is a view.
    """

    def __init__(self, data: Images, partition: Partition, rounds: int, seed: int, participation: float = 1.0) -> None:
        super().__init__()
        self.data, self.partition, self.rounds, self.seed = data, partition, rounds, seed
        self.clients = partition.clients
        self.cohort_size = max(1, round(participation * self.clients))

    def setup(self, stage: str) -> None:
        """Gather the training samples, ordered by client."""
        client_of = torch.from_numpy(self.partition.client_of)
        held = torch.nonzero(client_of >= 0).flatten()
        order = held[torch.argsort(client_of[held], stable=True)]
        self.x = self.data.as_float(self.data.train_images[order])
        self.y = self.data.train_labels[order].long()
        self.sizes = torch.bincount(client_of[held], minlength=self.clients).tolist()
        self.starts = [0, *torch.cumsum(torch.tensor(self.sizes), 0).tolist()]

    def shard(self, client: int) -> tuple[Tensor, Tensor]:
        """The client's samples: x [samples, ...], y [samples]."""
        mine = slice(self.starts[client], self.starts[client + 1])
        return self.x[mine], self.y[mine]

    def cohort(self, round: int) -> Cohort:
        """The clients of a round: a function of (seed, round)."""
        order = torch.randperm(self.clients, generator=torch_stream(self.seed, "cohort", round))
        return Cohort(round, sorted(order[: self.cohort_size].tolist()))

    def train_dataloader(self) -> Rounds:
        """One cohort a round."""
        return Rounds(self.rounds, self.cohort)

    def val_dataloader(self) -> list[tuple[Tensor, Tensor]]:
        """The whole test set as one batch."""
        return [(self.data.as_float(self.data.test_images), self.data.test_labels.long())]
