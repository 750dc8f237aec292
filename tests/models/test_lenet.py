"""The convolutional network of the paper scale."""

import pytest
import torch

from archipelago.models.lenet import LeNet
from archipelago.population.gradients import flatten, rows_gradient


@pytest.mark.parametrize(("channels", "side", "size"), [(1, 28, 431_080), (3, 32, 657_080)])
def test_shapes(channels: int, side: int, size: int) -> None:
    model = LeNet(channels, side, 10)
    assert model(torch.zeros(2, channels, side, side)).shape == (2, 10)
    assert len(flatten(model)) == size


def test_many_at_once() -> None:
    model = LeNet(1, 28, 10)
    losses, gradients = rows_gradient(
        model, flatten(model).repeat(2, 1), torch.randn(2, 3, 1, 28, 28), torch.zeros(2, 3, dtype=torch.long)
    )
    assert losses.shape == (2,)
    assert (gradients[0] != gradients[1]).any()
