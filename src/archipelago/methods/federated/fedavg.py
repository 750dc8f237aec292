"""FedAvg: Communication-Efficient Learning of Deep Networks from Decentralized Data (McMahan et al., AISTATS 2017).

https://arxiv.org/abs/1602.05629
"""

from __future__ import annotations

from torch import Tensor

from archipelago.federation import Batch, Client, Federation, Message, Reply


class FedAvg(Federation):
    """Clients descend their own loss; the server averages their models (Algorithm 1)."""

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """The gradient of the client's loss."""
        return client.gradient(batch)

    def upload(self, client: Client) -> Message:
        """The trained model."""
        return {"weights": client.weights}

    def aggregate(self, replies: list[Reply]) -> None:
        """The mean of the models."""
        self.server = self.average(replies)
