"""The convolutional network of the MNIST experiments in Byzantine-robust learning."""

from __future__ import annotations

from torch import Tensor, nn

from archipelago.ranges import Count


class LeNet(nn.Module):
    """Two 5x5 convolutions (20 and 50 filters), each with ReLU and max-pooling, then 500 hidden units.

    Takes [batch, ``channels``, ``side``, ``side``], gives logits [batch, ``outputs``].
    """

    def __init__(self, channels: Count, side: Count, outputs: Count) -> None:
        super().__init__()
        reduced = ((side - 4) // 2 - 4) // 2
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 20, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(20, 50, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(50 * reduced**2, 500),
            nn.ReLU(),
            nn.Linear(500, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        return self.layers(x)
