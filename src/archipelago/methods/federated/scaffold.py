"""SCAFFOLD: Stochastic Controlled Averaging for Federated Learning (Karimireddy et al., ICML 2020).

https://arxiv.org/abs/1910.06378
"""

from __future__ import annotations

import torch
from torch import Tensor

from archipelago.federation import Batch, Client, Message, Reply
from archipelago.methods.federated.fedavg import FedAvg


class SCAFFOLD(FedAvg):
    """Control variates take the client's own drift out of its steps (Algorithm 1, option II, global step size 1).

    Models and control variates both travel, so a round costs twice FedAvg's bytes each way.
    """

    control: Tensor
    client_control: Tensor

    def declare_state(self, clients: int) -> None:
        """The control variates of the server, c, and of the clients, c_i."""
        self.register_buffer("control", torch.zeros(self.network.size))
        self.register_buffer("client_control", torch.zeros(clients, self.network.size))

    def download(self, client: int) -> Message:
        """The global model and control variate."""
        return {"weights": self.server, "control": self.control}

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """The gradient, with the client's control variate replaced by the server's."""
        return client.gradient(batch).sub_(self.client_control[client.id]).add_(client.received["control"])

    def upload(self, client: Client) -> Message:
        """The trained model and the change of c_i, by option II from the way gone in the client's own K steps."""
        change = -client.received["control"] - client.drift / (client.steps * client.lr)
        self.client_control[client.id] += change
        return {"weights": client.weights, "control_change": change}

    def aggregate(self, replies: list[Reply]) -> None:
        """The mean of the models; c follows the mean of c_i over all clients."""
        self.control += len(replies) / len(self.client_control) * self.average(replies, "control_change")
        super().aggregate(replies)
