"""FedCM: Federated Learning with Client-level Momentum (Xu et al., 2021).

https://arxiv.org/abs/2106.10874
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archipelago.federation import Batch, Client, Message, Reply
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.ranges import Share


class FedCM(FedAvg):
    """Every local step mixes the gradient with the last round's mean direction, which the server sends (Algorithm 2).

    That direction is the mean over clients of the way gone per step and step size, each by the client's own number of
    steps; the global step size is such that the new model is the mean of the models, as in FedAvg.
    """

    momentum: Tensor

    def __init__(self, alpha: Share = 0.1, **common: Any) -> None:
        super().__init__(**common)
        self.alpha = alpha

    def declare_state(self, clients: int) -> None:
        """The server's momentum."""
        self.register_buffer("momentum", torch.zeros(self.network.size))

    def download(self, client: int) -> Message:
        """The global model and momentum."""
        return {"weights": self.server, "momentum": self.momentum}

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """``alpha`` parts gradient, the rest momentum."""
        return client.gradient(batch).mul_(self.alpha).add_(client.received["momentum"], alpha=1 - self.alpha)

    def aggregate(self, replies: list[Reply]) -> None:
        """The mean of the models; the momentum is the mean of the clients' mean steps."""
        ways = [(self.server - reply.message["weights"]) / reply.steps for reply in replies]
        self.momentum = torch.stack(ways).mean(0) / self.local_lr
        super().aggregate(replies)
