"""Fully connected networks."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from archipelago.ranges import Count


class MLP(nn.Module):
    """Linear layers with ReLU between them: [batch, ...] of ``inputs`` values each -> logits [batch, ``outputs``]."""

    def __init__(self, inputs: Count, hidden: list[Count], outputs: Count) -> None:
        super().__init__()
        widths = [inputs, *hidden, outputs]
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        return self.layers(x.flatten(1))
