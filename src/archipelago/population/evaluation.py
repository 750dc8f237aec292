"""Evaluation of many models on one labelled set."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from archipelago.population.gradients import unflatten


@torch.no_grad()
def accuracy_of_rows(model: nn.Module, theta: Tensor, x: Tensor, y: Tensor, chunk: int = 250) -> Tensor:
    """Accuracy (share in [0, 1]) of every row, with the architecture of ``model``.

    Args:
        model: its own parameters do not matter.
        theta: models [n, d].
        x: samples [samples, ...].
        y: labels [samples].
        chunk: samples at a time; bounds memory, changes nothing else.

    Returns:
        Accuracies [n].
    """

    def logits(row: Tensor, x: Tensor) -> Tensor:
        return functional_call(model, unflatten(model, row), (x,))

    classify = vmap(logits, in_dims=(0, None))
    hits = sum(
        (classify(theta, some_x).argmax(-1) == some_y).sum(1)
        for some_x, some_y in zip(x.split(chunk), y.split(chunk), strict=True)
    )
    return hits / len(y)
