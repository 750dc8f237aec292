"""The small convolutional network."""

import pytest
import torch

from archipelago.models.convolutional import SmallCNN


@pytest.mark.parametrize("side", [8, 27, 28])
def test_shape(side: int) -> None:
    network = SmallCNN(side=side, channels=[8, 16], hidden=32, outputs=10)
    assert network(torch.zeros(3, 1, side, side)).shape == (3, 10)


def test_size_of_the_specification_s_network() -> None:
    network = SmallCNN(side=28, channels=[8, 16], hidden=32, outputs=10)
    convolutions = (9 * 1 * 8 + 8) + 2 * 8 + (9 * 8 * 16 + 16) + 2 * 16
    assert sum(p.numel() for p in network.parameters()) == convolutions + (16 * 7 * 7 * 32 + 32) + (32 * 10 + 10)
