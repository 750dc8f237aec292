"""FedDyn: Federated Learning Based on Dynamic Regularization (Acar et al., ICLR 2021).

https://arxiv.org/abs/2111.04263
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archipelago.federation import Batch, Client, Message, Reply
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.ranges import Positive


class FedDyn(FedAvg):
    """A regulariser that is renewed every round makes the clients' optima consistent with the global one (Algorithm 1).

    A client descends F_i(x) - <g_i, x> + ``alpha``/2 ‖x - x^t‖², g_i its gradient at the end of its last round.
    """

    last_gradient: Tensor
    h: Tensor

    def __init__(self, alpha: Positive = 0.1, **common: Any) -> None:
        super().__init__(**common)
        self.alpha = alpha

    def declare_state(self, clients: int) -> None:
        """The clients' last gradients g_i and the server's h, their mean."""
        self.register_buffer("last_gradient", torch.zeros(clients, self.network.size))
        self.register_buffer("h", torch.zeros(self.network.size))

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """The gradient of the regularised loss."""
        return client.gradient(batch).sub_(self.last_gradient[client.id]).add_(client.drift, alpha=self.alpha)

    def upload(self, client: Client) -> Message:
        """The trained model; by its first-order condition g_i changes by -alpha (x - x^t)."""
        self.last_gradient[client.id] -= self.alpha * client.drift
        return {"weights": client.weights}

    def aggregate(self, replies: list[Reply]) -> None:
        """The mean of the models less h / alpha."""
        mean = self.average(replies)
        self.h -= self.alpha * len(replies) / len(self.last_gradient) * (mean - self.server)
        self.server = mean - self.h / self.alpha
        self.record(dual_norm=self.last_gradient.norm(dim=1).mean().item())
