"""A network seen as one vector: loading a model is one copy, an update is one operation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

CHUNK = 1000
"""Samples a forward pass may hold at once when a whole set is evaluated."""


class FlatModel:
    """A network whose parameters, and their gradients, are views of two vectors of length ``size``.

    It is a place to compute in, not a model to keep: whoever owns a model keeps its vector and loads it here.
    """

    def __init__(self, module: nn.Module) -> None:
        parameters = list(module.parameters())
        self.module = module
        self.size = sum(p.numel() for p in parameters)
        self.weights = torch.cat([p.detach().reshape(-1) for p in parameters])
        self._gradient = torch.zeros_like(self.weights)
        self._bind(parameters)

    def _bind(self, parameters: list[nn.Parameter]) -> None:
        start = 0
        for p in parameters:
            stop = start + p.numel()
            p.data = self.weights[start:stop].view_as(p)
            p.grad = self._gradient[start:stop].view_as(p)
            start = stop

    def to(self, device: torch.device) -> FlatModel:
        """Move to a device (views are rebuilt there)."""
        if self.weights.device != device:
            self.module.to(device)
            self.weights, self._gradient = self.weights.to(device), self._gradient.to(device)
            self._bind(list(self.module.parameters()))
        return self

    def load(self, weights: Tensor) -> None:
        """Make ``weights`` [size] the network's parameters."""
        self.weights.copy_(weights)

    @torch.enable_grad()
    def gradient(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy of a batch (a scalar) and its gradient [size].

        The gradient is the network's own buffer: it holds until the next call, and the caller may change it.
        """
        self._gradient.zero_()
        loss = self._loss(self.module(x), y)
        loss.backward()
        return loss.detach(), self._gradient

    @torch.no_grad()
    def evaluate(self, weights: Tensor, x: Tensor, y: Tensor) -> tuple[float, float]:
        """Mean cross-entropy and accuracy (share in [0, 1]) of ``weights`` [size] on a labelled set."""
        self.load(weights)
        logits = torch.cat([self.module(part) for part in x.split(CHUNK)])
        return self._loss(logits, y).item(), (logits.argmax(-1) == y).float().mean().item()

    @staticmethod
    def _loss(logits: Tensor, y: Tensor) -> Tensor:
        """Mean cross-entropy of logits [..., classes] for labels [...], of samples or of places in sequences."""
        return cross_entropy(logits.flatten(0, -2), y.flatten())

    def sharpness(self, weights: Tensor, x: Tensor, y: Tensor, radius: float) -> float:
        """How much the mean loss on a set rises from ``weights`` [size] to ``radius`` away along its gradient there."""
        self.load(weights)
        gradient = torch.zeros_like(weights)
        for part, labels in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
            gradient += len(labels) / len(y) * self.gradient(part, labels)[1]
        before, _ = self.evaluate(weights, x, y)
        after, _ = self.evaluate(weights + radius * normalize(gradient, dim=0), x, y)
        return after - before
