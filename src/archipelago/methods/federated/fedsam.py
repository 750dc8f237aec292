"""FedSAM: Generalized Federated Learning via Sharpness Aware Minimization (Qu et al., ICML 2022).

https://arxiv.org/abs/2206.02618
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from archipelago.federation import Batch, Client
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.ranges import NonNegative


class FedSAM(FedAvg):
    """Clients descend the gradient at the worst point within ``rho`` of their weights, to first order (Algorithm 1)."""

    def __init__(self, rho: NonNegative = 0.05, **common: Any) -> None:
        super().__init__(**common)
        self.rho = rho

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """The gradient at the end of an ascent step on the same batch."""
        gradient = client.gradient(batch)
        ascent = self.rho / (gradient.norm() + 1e-7)
        return client.gradient(batch, at=client.weights + ascent * gradient)
