"""Small convolutional networks with group normalisation (batch statistics would leak between clients)."""

from __future__ import annotations

from torch import Tensor, nn

from archipelago.ranges import Count


class SmallCNN(nn.Module):
    """Two strided 3x3 convolutions with GroupNorm(2), then two dense layers.

    Takes [batch, 1, ``side``, ``side``], gives logits [batch, ``outputs``].
    """

    def __init__(self, side: Count, channels: list[Count], hidden: Count, outputs: Count) -> None:
        super().__init__()
        first, second = channels
        reduced = (side + 3) // 4  # each stride halves, rounding up
        self.features = nn.Sequential(
            nn.Conv2d(1, first, 3, stride=2, padding=1),
            nn.GroupNorm(2, first),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.GroupNorm(2, second),
            nn.ReLU(),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(second * reduced**2, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        return self.head(self.features(x))
