"""Residual networks with group normalisation (batch statistics would leak between clients)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import relu

from archipelago.ranges import Count


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a way round them: [batch, inputs, h, w] -> [batch, outputs, h / stride, w / stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.GroupNorm(groups, outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.GroupNorm(groups, outputs),
        )
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.GroupNorm(groups, outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        return relu(self.convolutions(x) + self.shortcut(x))


class ResNet18GN(nn.Module):
    """ResNet-18 (He et al., 2016) with GroupNorm(2): [batch, ``channels``, h, w] -> logits [batch, ``outputs``].

    The stem is that for large images (7x7, then max-pooling), also on CIFAR's: so does the code behind the numbers that
    FedDyn, FedCM and FedSpeed publish.
    """

    def __init__(self, channels: Count, outputs: Count, groups: Count = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False),
            nn.GroupNorm(groups, 64),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        blocks: list[nn.Module] = []
        width = 64
        for outwards, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [
                ResidualBlock(width, outwards, stride, groups),
                ResidualBlock(outwards, outwards, 1, groups),
            ]
            width = outwards
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        return self.head(self.blocks(self.stem(x)))
