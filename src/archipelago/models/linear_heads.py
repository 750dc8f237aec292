"""One-vs-rest logistic heads: many binary classifiers on the same features, fitted as one matrix."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus


class LinearHeads(NamedTuple):
    """Affine classifiers: ``weight`` [features, classes], ``bias`` [classes]."""

    weight: Tensor
    bias: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Log-odds [samples, classes] of ``features`` [samples, features]."""
        return torch.addmm(self.bias, features, self.weight)


def fit_linear_heads(
    features: Tensor, targets: Tensor, c: float, *, steps: int = 200, tolerance: float = 1e-5
) -> LinearHeads:
    """Minimise ``||W||^2 / 2 + c * (sum of log losses)`` over all heads at once by L-BFGS.

    ``features`` is [samples, features], ``targets`` bool [samples, classes]. The heads share no weight, so the minimum
    is that of one L2 logistic regression a class (scikit-learn's ``C`` is ``c``; the bias is not penalised). At most
    ``steps`` iterations, or until no derivative of the objective, divided by ``c`` x samples, exceeds ``tolerance``.
    """
    samples, classes = targets.shape
    x = torch.cat([features, features.new_ones(samples, 1)], dim=1)
    y = targets.to(features.dtype)
    theta = features.new_zeros(x.shape[1], classes)  # the last row is the bias
    penalty = theta.new_full((len(theta), 1), 1 / (c * samples))
    penalty[-1] = 0
    optimizer = torch.optim.LBFGS(
        [theta],
        max_iter=steps,
        tolerance_grad=tolerance,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def objective() -> float:
        logits = x @ theta
        theta.grad = x.T @ ((logits.sigmoid() - y) / samples) + penalty * theta
        loss = (softplus(logits) - y * logits).sum() / samples + (penalty * theta.square()).sum() / 2
        return float(loss)

    optimizer.step(objective)
    return LinearHeads(theta[:-1], theta[-1])
