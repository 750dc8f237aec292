"""FedSpeed: Larger Local Interval, Less Communication Round, and Higher Generalization Accuracy.

Sun, Shen, Huang, Ding, Tao, ICLR 2023, https://arxiv.org/abs/2302.10429
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from archipelago.federation import Batch, Client, Message, Reply
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.ranges import NonNegative, Share


class FedSpeed(FedAvg):
    """Clients descend a gradient taken uphill, held to the global model by a prox-term whose bias a dual corrects.

    With g_i the dual ("prox-correction") of client i, ``lamb`` = 1/λ, x the client's weights, x^t the global ones:

    - a local step goes along (1-α) ∇F(x) + α ∇F(x + ρ ∇F(x)/‖∇F(x)‖) - g_i + lamb (x - x^t), both on one batch;
    - after it, g_i <- g_i - lamb (x - x^t), and the amended model is z_i = x - g_i / lamb;
    - the next global model is the mean of the z_i of the round (``correction_over="active"``: Algorithm 1), or the mean
      of the x of the round less the mean of g_i / lamb over *all* clients ("all": the official code). For the latter
      clients send x, from which the server follows the mean of the duals. "none": duals stay 0, clients send x.

    The ascent is along the raw gradient unless ``normalise``. There is no correction without a prox-term (``lamb`` 0).
    """

    dual: Tensor
    amendment: Tensor

    def __init__(
        self,
        lamb: NonNegative = 0.1,
        rho: NonNegative = 0.1,
        alpha: Share = 1.0,
        normalise: bool = True,
        correction_over: Literal["all", "active", "none"] = "all",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.lamb, self.rho, self.alpha, self.normalise = lamb, rho, alpha, normalise
        self.correction_over = correction_over if lamb > 0 else "none"

    def declare_state(self, clients: int) -> None:
        """The clients' duals g_i, and what the server adds to the mean model: that of -g_i / lamb over all clients."""
        self.register_buffer("dual", torch.zeros(clients, self.network.size))
        self.register_buffer("amendment", torch.zeros(self.network.size))

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """The quasi-gradient, the prox-correction and the pull of the prox-term."""
        return self.quasi_gradient(client, batch).sub_(self.dual[client.id]).add_(client.drift, alpha=self.lamb)

    def quasi_gradient(self, client: Client, batch: Batch) -> Tensor:
        """The gradient merged with that at the end of an ascent step."""
        gradient = client.gradient(batch)
        if self.alpha == 0:
            return gradient
        gradient = gradient.clone()
        ascent = self.rho / (gradient.norm() + 1e-7) if self.normalise else self.rho
        return gradient.lerp_(client.gradient(batch, at=client.weights + ascent * gradient), self.alpha)

    def upload(self, client: Client) -> Message:
        """The trained model, amended if that is the client's business."""
        if self.correction_over != "none":
            self.dual[client.id] -= self.lamb * client.drift
        if self.correction_over == "active":
            return {"weights": client.weights - self.dual[client.id] / self.lamb}
        return {"weights": client.weights}

    def aggregate(self, replies: list[Reply]) -> None:
        """The mean of the models, amended if that is the server's business."""
        mean = self.average(replies)
        if self.correction_over == "all":
            self.amendment += len(replies) / len(self.dual) * (mean - self.server)
            mean += self.amendment
        self.server = mean
        self.record(dual_norm=self.dual.norm(dim=1).mean().item())
