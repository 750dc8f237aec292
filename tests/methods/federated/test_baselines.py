"""FedAvg and the papers that change it: what each does to a step, a message, or the server."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from archipelago.federation import Batch, Client, Federation, Message, Reply
from archipelago.methods.federated.fedadam import FedAdam
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.methods.federated.fedcm import FedCM
from archipelago.methods.federated.feddyn import FedDyn
from archipelago.methods.federated.fedprox import FedProx
from archipelago.methods.federated.fedsam import FedSAM
from archipelago.methods.federated.fedspeed import FedSpeed
from archipelago.methods.federated.scaffold import SCAFFOLD

Make = Callable[..., Federation]
Fit = Callable[..., pd.DataFrame]

BATCH = (torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(5)), torch.tensor([0, 1, 2, 0, 1, 2]))


def trained(make_method: Make, train: Fit, method: type[Federation], rounds: int = 4, **init_args: Any) -> Tensor:
    module = make_method(method, **init_args)
    train(module, rounds=rounds)
    return module.server


@pytest.mark.parametrize(
    ("method", "off", "rounds"),
    [
        (FedProx, {"mu": 0.0}, 4),
        (FedSAM, {"rho": 0.0}, 4),
        (FedCM, {"alpha": 1.0}, 4),
        (SCAFFOLD, {}, 1),
    ],
)
def test_what_is_left_without_the_paper_s_idea_is_fedavg(
    make_method: Make, train: Fit, method: type[Federation], off: dict[str, float], rounds: int
) -> None:
    fedavg = trained(make_method, train, FedAvg, rounds=rounds)
    assert torch.equal(trained(make_method, train, method, rounds=rounds, **off), fedavg)


@pytest.mark.parametrize(
    ("method", "down", "up"),
    [
        (FedAvg, 1, 1),
        (FedProx, 1, 1),
        (FedSAM, 1, 1),
        (FedAdam, 1, 1),
        (FedDyn, 1, 1),
        (FedSpeed, 1, 1),
        (SCAFFOLD, 2, 2),
        (FedCM, 2, 1),
    ],
)
def test_models_on_the_wire(make_method: Make, train: Fit, method: type[Federation], down: int, up: int) -> None:
    module = make_method(method)
    records = train(module, rounds=2)
    assert (records.bytes_down == 3 * 4 * module.network.size * down).all()
    assert (records.bytes_up == 3 * 4 * module.network.size * up).all()


def test_fedavg_with_one_client_is_sgd(make_method: Make, train: Fit) -> None:
    method = make_method(FedAvg, local_epochs=1, batch_size=99, clip_norm=None, lr_decay=1.0)
    start = method.server.clone()
    train(method, rounds=1, participation=0.1)
    client = Client(0, {"weights": start}, start, method.network, 0, 0.2)
    (id,) = method.feed.item(1)
    torch.testing.assert_close(method.server, start - 0.2 * (client.gradient(method.feed.shard(id)) + 0.01 * start))


def test_fedprox_pulls_to_the_global_model(make_method: Make) -> None:
    method = make_method(FedProx, mu=0.3)
    client = Client(0, {"weights": method.server}, method.server, method.network, samples=6, lr=0.1)
    client.weights.add_(1.0)
    gradient = client.gradient(BATCH).clone()
    torch.testing.assert_close(method.direction(client, BATCH), gradient + 0.3 * (client.weights - method.server))


def test_fedadam_makes_adam_steps(make_method: Make) -> None:
    method = make_method(FedAdam, server_lr=0.1, beta1=0.9, beta2=0.99, tau=0.01)
    method.declare_state(6)
    x = method.server.clone().double()
    m, v = torch.zeros_like(x), torch.full_like(x, 0.01**2)
    for change in (0.5, -0.2):
        method.aggregate([Reply(0, 1, 1, {"weights": method.server + change})])
        m, v = 0.9 * m + 0.1 * change, 0.99 * v + 0.01 * change**2
        x = x + 0.1 * m / (v.sqrt() + 0.01)
    torch.testing.assert_close(method.server.double(), x, rtol=1e-5, atol=1e-6)


class WatchedScaffold(SCAFFOLD):
    """Keeps the raw gradients of every client and the directions they led to."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.gradients: dict[tuple[int, int], list[Tensor]] = {}

    def direction(self, client: Client, batch: Batch) -> Tensor:
        direction = super().direction(client, batch)
        gradient = direction + self.client_control[client.id] - client.received["control"]
        self.gradients.setdefault((self.round, client.id), []).append(gradient)
        return direction


def test_scaffold_s_control_variates_are_mean_gradients_over_own_steps(make_method: Make, train: Fit) -> None:
    """Option II: c_i becomes the mean of the client's local gradients, whatever c and c_i were, by its own K."""
    method = make_method(WatchedScaffold, weight_decay=0.0, clip_norm=None)
    train(method, rounds=4)
    assert len({len(gradients) for gradients in method.gradients.values()}) > 1
    last = {client: gradients for (_, client), gradients in sorted(method.gradients.items())}
    for client, gradients in last.items():
        torch.testing.assert_close(method.client_control[client], torch.stack(gradients).mean(0), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(method.control, method.client_control.mean(0), rtol=1e-4, atol=1e-6)
    never = set(range(6)) - set(last)
    assert not any(method.client_control[client].any() for client in never)


def test_feddyn_s_h_is_the_mean_of_all_last_gradients(make_method: Make, train: Fit) -> None:
    method = make_method(FedDyn, alpha=0.3)
    replies: list[Reply] = []
    aggregate = method.aggregate

    def spy(given: list[Reply]) -> None:
        replies[:] = given
        aggregate(given)

    method.aggregate = spy
    train(method, rounds=5)
    torch.testing.assert_close(method.h, method.last_gradient.mean(0), rtol=1e-4, atol=1e-6)
    mean = torch.stack([reply.message["weights"] for reply in replies]).mean(0)
    torch.testing.assert_close(method.server, mean - method.last_gradient.mean(0) / 0.3, rtol=1e-4, atol=1e-6)


def test_feddyn_s_direction(make_method: Make) -> None:
    method = make_method(FedDyn, alpha=0.3)
    method.declare_state(2)
    method.last_gradient.normal_(generator=torch.Generator().manual_seed(1))
    client = Client(1, {"weights": method.server}, method.server, method.network, samples=6, lr=0.1)
    client.weights.add_(1.0)
    expected = client.gradient(BATCH) - method.last_gradient[1] + 0.3 * (client.weights - method.server)
    torch.testing.assert_close(method.direction(client, BATCH), expected)


def test_fedcm_s_momentum_is_the_mean_direction_of_the_last_round(make_method: Make, train: Fit) -> None:
    method = make_method(FedCM, alpha=0.25, weight_decay=0.0, clip_norm=None)
    directions: dict[int, list[Tensor]] = {}
    received: dict[int, Tensor] = {}
    own, upload = method.direction, method.upload

    def spy_direction(client: Client, batch: Batch) -> Tensor:
        direction = own(client, batch)
        if method.round == 3:
            directions.setdefault(client.id, []).append(direction.clone())
        return direction

    def spy_upload(client: Client) -> Message:
        received[method.round] = client.received["momentum"].clone()
        return upload(client)

    method.direction, method.upload = spy_direction, spy_upload
    train(method, rounds=3)
    assert len({len(steps) for steps in directions.values()}) > 1
    expected = torch.stack([torch.stack(steps).mean(0) for steps in directions.values()]).mean(0)
    torch.testing.assert_close(method.momentum, expected, rtol=1e-3, atol=1e-5)
    assert not received[1].any()
    assert received[2].any()


def test_fedcm_mixes_gradient_and_momentum(make_method: Make) -> None:
    method = make_method(FedCM, alpha=0.25)
    momentum = torch.randn(method.network.size)
    client = Client(
        0, {"weights": method.server, "momentum": momentum}, method.server, method.network, samples=6, lr=0.1
    )
    expected = 0.25 * client.gradient(BATCH) + 0.75 * momentum
    torch.testing.assert_close(method.direction(client, BATCH), expected)


def test_fedsam_descends_from_uphill(make_method: Make) -> None:
    method = make_method(FedSAM, rho=0.2)
    client = Client(0, {"weights": method.server}, method.server, method.network, samples=6, lr=0.1)
    x = client.weights.clone()
    uphill = client.gradient(BATCH).clone()
    expected = client.gradient(BATCH, at=x + 0.2 * uphill / uphill.norm()).clone()
    torch.testing.assert_close(method.direction(client, BATCH), expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(client.weights, x)
