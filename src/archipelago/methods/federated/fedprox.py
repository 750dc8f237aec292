"""FedProx: Federated Optimization in Heterogeneous Networks (Li et al., MLSys 2020).

https://arxiv.org/abs/1812.06127
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from archipelago.federation import Batch, Client
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.ranges import NonNegative


class FedProx(FedAvg):
    """Clients descend their loss plus ``mu``/2 ‖x - x^t‖², x^t the global model (Algorithm 2, solved by SGD)."""

    def __init__(self, mu: NonNegative = 0.1, **common: Any) -> None:
        super().__init__(**common)
        self.mu = mu

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """The gradient and the pull of the prox-term."""
        return client.gradient(batch).add_(client.drift, alpha=self.mu)
