"""ResNet-18 with GroupNorm."""

import torch
from torch import nn

from archipelago.models.residual import ResNet18GN


def test_shape_size_and_no_running_statistics() -> None:
    network = ResNet18GN(channels=3, outputs=10)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    # ResNet-18 for ImageNet has 11,689,512 parameters, of which its head of 1,000 classes 513,000.
    assert sum(p.numel() for p in network.parameters()) == 11_689_512 - 513_000 + 512 * 10 + 10
    assert sum(isinstance(module, nn.GroupNorm) for module in network.modules()) == 20
    assert not list(network.buffers())


def test_a_sample_does_not_depend_on_its_batch() -> None:
    network = ResNet18GN(channels=1, outputs=3).eval()
    x = torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(network(x)[:1], network(x[:1]))
