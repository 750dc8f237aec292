"""The feed of a federation: which clients take part in a round, and their samples."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from archipelago.data.sets import Images
from archipelago.partition.partition import Partition
from archipelago.population.rounds import Rounds
from archipelago.randomness import torch_stream
from archipelago.ranges import Count, PositiveShare


class Cohorts(pl.LightningDataModule):
    """Every round a uniform sample (without replacement) of ``participation`` of the clients.

    The samples of a client lie together in memory, so that a client's shard is a view. The global model is evaluated on
    the first ``test_samples`` of the test set (None: on all).
    """

    def __init__(
        self,
        data: Images,
        partition: Partition,
        rounds: int,
        seed: int,
        participation: PositiveShare = 1.0,
        test_samples: Count | None = None,
    ) -> None:
        super().__init__()
        self.data, self.partition, self.rounds, self.seed = data, partition, rounds, seed
        self.test_samples = test_samples
        self.clients = partition.clients
        self.cohort_size = max(1, round(participation * self.clients))

    def setup(self, stage: str) -> None:
        """Gather the training samples, ordered by client."""
        client_of = torch.from_numpy(self.partition.client_of)
        held = torch.nonzero(client_of >= 0).flatten()
        order = held[torch.argsort(client_of[held], stable=True)]
        self.x = self.data.as_float(self.data.train_images[order])
        self.y = self.data.train_labels[order]
        self.sizes = torch.bincount(client_of[held], minlength=self.clients).tolist()
        self.starts = [0, *torch.cumsum(torch.tensor(self.sizes), 0).tolist()]

    def shard(self, client: int) -> tuple[Tensor, Tensor]:
        """The client's samples: x [samples, ...], y [samples]."""
        mine = slice(self.starts[client], self.starts[client + 1])
        return self.x[mine], self.y[mine]

    def cohort(self, round: int) -> list[int]:
        """The clients of a round, ascending: a function of (seed, round)."""
        order = torch.randperm(self.clients, generator=torch_stream(self.seed, "cohort", round))
        return sorted(order[: self.cohort_size].tolist())

    def train_dataloader(self) -> Rounds:
        """One cohort a round."""
        return Rounds(self.rounds, self.cohort)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """The test set as one batch."""
        images, labels = self.data.test_images[: self.test_samples], self.data.test_labels[: self.test_samples]
        return DataLoader([(self.data.as_float(images), labels)], batch_size=None)  # type: ignore[arg-type]
