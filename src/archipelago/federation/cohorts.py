"""The feed of a federation: which clients take part in a round, and their samples."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archipelago.population.feeds import ImageFeed
from archipelago.randomness import torch_stream
from archipelago.ranges import PositiveShare


class Cohorts(ImageFeed):
    """Every round a uniform sample (without replacement) of ``participation`` of the clients.

    The samples of a client lie together in memory, so that a client's shard is a view.
    """

    def __init__(self, participation: PositiveShare = 1.0, **common: Any) -> None:
        super().__init__(**common)
        self.clients = self.partition.clients
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

    def item(self, round: int) -> list[int]:
        """The clients of a round, ascending: a function of (seed, round)."""
        order = torch.randperm(self.clients, generator=torch_stream(self.seed, "cohort", round))
        return sorted(order[: self.cohort_size].tolist())
