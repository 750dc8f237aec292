"""FedAdam: Adaptive Federated Optimization (Reddi et al., ICLR 2021).

https://arxiv.org/abs/2003.00295
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archipelago.federation import Reply
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.ranges import Positive, Share


class FedAdam(FedAvg):
    """The server takes the mean change of the clients' models for a gradient, and makes an Adam step (Algorithm 2).

    As there, moments are not corrected for their start, and the second begins at ``tau``².
    """

    first_moment: Tensor
    second_moment: Tensor

    def __init__(
        self, server_lr: Positive = 0.1, beta1: Share = 0.9, beta2: Share = 0.99, tau: Positive = 1e-3, **common: Any
    ) -> None:
        super().__init__(**common)
        self.server_lr, self.beta1, self.beta2, self.tau = server_lr, beta1, beta2, tau

    def declare_state(self, clients: int) -> None:
        """The server's moments of the mean change, m and v."""
        self.register_buffer("first_moment", torch.zeros(self.network.size))
        self.register_buffer("second_moment", torch.full((self.network.size,), self.tau**2))

    def aggregate(self, replies: list[Reply]) -> None:
        """An Adam step along the mean change."""
        change = self.average(replies) - self.server
        self.first_moment.lerp_(change, 1 - self.beta1)
        self.second_moment.lerp_(change.square(), 1 - self.beta2)
        self.server = self.server + self.server_lr * self.first_moment / (self.second_moment.sqrt() + self.tau)
