"""A network as one vector."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from archipelago.models.dense import MLP
from archipelago.population import flat
from archipelago.population.flat import FlatModel

X = torch.randn(23, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(23) % 3


@pytest.fixture
def module() -> nn.Module:
    torch.manual_seed(1)
    return MLP(6, [5], 3)


def autograd(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    gradients = torch.autograd.grad(cross_entropy(module(x), y), list(module.parameters()))
    return torch.cat([g.reshape(-1) for g in gradients])


def test_a_change_of_the_vector_is_a_change_of_the_network(module: nn.Module) -> None:
    network = FlatModel(module)
    other = torch.randn(network.size)
    network.load(other)
    assert torch.equal(torch.cat([p.detach().reshape(-1) for p in module.parameters()]), other)
    network.weights.zero_()
    assert not module(X).any()


def test_gradient_is_autograd_s_and_starts_anew_at_each_call(module: nn.Module) -> None:
    expected, value = autograd(module, X, Y), cross_entropy(module(X), Y)
    network = FlatModel(module)
    network.gradient(X[:5], Y[:5])
    with torch.no_grad():
        loss, gradient = network.gradient(X, Y)
    torch.testing.assert_close(gradient, expected)
    torch.testing.assert_close(loss, value.detach())
    assert not loss.requires_grad


def test_evaluation_in_chunks_is_that_of_the_whole_set(module: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    network = FlatModel(module)
    weights = torch.randn(network.size)
    network.load(weights)
    logits = module(X).detach()
    monkeypatch.setattr(flat, "CHUNK", 5)
    network.load(torch.zeros(network.size))
    loss, accuracy = network.evaluate(weights, X, Y)
    assert loss == pytest.approx(cross_entropy(logits, Y).item(), rel=1e-6)
    assert accuracy == pytest.approx((logits.argmax(1) == Y).float().mean().item())


def test_sharpness_is_the_rise_along_the_whole_set_s_gradient(
    module: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = FlatModel(module)
    weights = torch.randn(network.size)
    network.load(weights)
    uphill = autograd(module, X, Y)
    before = cross_entropy(module(X), Y).item()
    network.load(weights + 0.2 * uphill / uphill.norm())
    after = cross_entropy(module(X), Y).item()
    monkeypatch.setattr(flat, "CHUNK", 5)
    assert network.sharpness(weights, X, Y, radius=0.2) == pytest.approx(after - before, rel=1e-4)
