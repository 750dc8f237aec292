"""FedSpeed: the invariants of its specification."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from archipelago.federation import Batch, Client, Federation, Message
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.methods.federated.feddyn import FedDyn
from archipelago.methods.federated.fedprox import FedProx
from archipelago.methods.federated.fedsam import FedSAM
from archipelago.methods.federated.fedspeed import FedSpeed
from archipelago.studies.study import Selection, Study

Make = Callable[..., Federation]
Fit = Callable[..., pd.DataFrame]

BATCH = (torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(5)), torch.tensor([0, 1, 2, 0, 1, 2]))


class Watched(FedSpeed):
    """Keeps what clients did in every round."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.drifts: dict[int, list[Tensor]] = defaultdict(list)
        self.amendments: dict[int, list[Tensor]] = defaultdict(list)

    def upload(self, client: Client) -> Message:
        message = super().upload(client)
        self.drifts[client.id].append(client.drift.clone())
        self.amendments[client.id].append(message["weights"] - client.weights)
        return message


def trained(make_method: Make, train: Fit, method: type[Federation], **init_args: Any) -> Tensor:
    module = make_method(method, **init_args)
    train(module)
    return module.server


def at_work(method: FedSpeed, clients: int = 2) -> Client:
    """A client in the middle of its local steps."""
    method.declare_state(clients)
    client = Client(1, {"weights": method.server}, method.server, method.network, samples=6, lr=0.1)
    client.weights.add_(torch.randn(method.network.size, generator=torch.Generator().manual_seed(2)), alpha=0.1)
    return client


@pytest.mark.parametrize("off", [{"rho": 0.0}, {"rho": 0.0, "alpha": 0.3}, {"alpha": 0.0}])
@pytest.mark.parametrize("correction_over", ["all", "active", "none"])
def test_without_ascent_and_penalty_it_is_fedavg(
    make_method: Make, train: Fit, off: dict[str, float], correction_over: str
) -> None:
    fedavg = trained(make_method, train, FedAvg)
    assert torch.equal(trained(make_method, train, FedSpeed, lamb=0.0, correction_over=correction_over, **off), fedavg)


@pytest.mark.parametrize("correction_over", ["all", "active"])
def test_without_penalty_it_is_fedsam(make_method: Make, train: Fit, correction_over: str) -> None:
    fedsam = trained(make_method, train, FedSAM, rho=0.05)
    no_prox = trained(make_method, train, FedSpeed, lamb=0.0, rho=0.05, correction_over=correction_over)
    assert torch.equal(no_prox, fedsam)
    assert not torch.equal(fedsam, trained(make_method, train, FedAvg))


def test_without_ascent_and_dual_it_is_fedprox(make_method: Make, train: Fit) -> None:
    fedprox = trained(make_method, train, FedProx, mu=0.7)
    assert torch.equal(trained(make_method, train, FedSpeed, lamb=0.7, alpha=0.0, correction_over="none"), fedprox)
    assert not torch.equal(fedprox, trained(make_method, train, FedAvg))


def test_without_ascent_it_is_feddyn(make_method: Make, train: Fit) -> None:
    """Not in the specification: with the correction over all clients, what is left without the ascent is FedDyn."""
    no_ascent = trained(make_method, train, FedSpeed, lamb=0.3, alpha=0.0)
    torch.testing.assert_close(no_ascent, trained(make_method, train, FedDyn, alpha=0.3))


@pytest.mark.parametrize("correction_over", ["all", "active"])
def test_duals_add_up_the_ways_gone(make_method: Make, train: Fit, correction_over: str) -> None:
    method = make_method(Watched, lamb=0.3, rho=0.05, correction_over=correction_over)
    records = train(method, rounds=6)
    assert max(map(len, method.drifts.values())) > 1
    for client in range(6):
        expected = -0.3 * sum(method.drifts[client], torch.zeros(method.network.size))
        assert (method.dual[client] - expected).norm() <= 1e-6 * expected.norm()
    assert records.dual_norm.iloc[-1] == pytest.approx(method.dual.norm(dim=1).mean().item())


def test_active_clients_send_the_amended_model(make_method: Make, train: Fit) -> None:
    method = make_method(Watched, lamb=0.3, rho=0.05, correction_over="active")
    train(method, rounds=6)
    for client, amendments in method.amendments.items():
        # z - x == -g / lamb, which is the sum of the ways gone so far.
        for i, amendment in enumerate(amendments):
            torch.testing.assert_close(amendment, sum(method.drifts[client][: i + 1]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(method.amendments[client][-1], -method.dual[client] / 0.3, rtol=1e-5, atol=1e-6)


def test_over_all_the_server_adds_the_mean_over_all_clients(make_method: Make, train: Fit) -> None:
    method = make_method(Watched, lamb=0.3, rho=0.05, correction_over="all")
    train(method, rounds=6)
    torch.testing.assert_close(method.amendment, (-method.dual / 0.3).mean(0), rtol=1e-5, atol=1e-6)
    assert not any(change.any() for changes in method.amendments.values() for change in changes)


def test_at_full_participation_active_and_all_coincide(make_method: Make, train: Fit) -> None:
    servers = []
    for correction_over in ("all", "active"):
        # Rounds can be compared only until a ReLU flips: two of them, the second of which uses the duals.
        method = make_method(FedSpeed, lamb=0.3, rho=0.05, correction_over=correction_over)
        train(method, rounds=2, participation=1.0)
        servers.append(method.server)
    assert (servers[0] - servers[1]).norm() <= 1e-6 * servers[0].norm()


def test_no_correction_keeps_duals_at_zero_and_sends_the_model(make_method: Make, train: Fit) -> None:
    method = make_method(Watched, lamb=0.3, rho=0.05, correction_over="none")
    train(method)
    assert not method.dual.any()
    assert not any(change.any() for changes in method.amendments.values() for change in changes)


def test_duals_of_inactive_clients_stay(make_method: Make, train: Fit) -> None:
    method = make_method(Watched, lamb=0.3, rho=0.05)
    train(method, rounds=1)
    active = sorted(method.drifts)
    assert len(active) == 3
    assert [client for client in range(6) if method.dual[client].any()] == active


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_direction(make_method: Make, normalise: bool, alpha: float) -> None:
    method = make_method(FedSpeed, lamb=0.3, rho=0.05, alpha=alpha, normalise=normalise)
    client = at_work(method)
    method.dual.normal_(generator=torch.Generator().manual_seed(8))
    x = client.weights.clone()
    a = client.gradient(BATCH).clone()
    b = client.gradient(BATCH, at=x + 0.05 * (a / a.norm() if normalise else a)).clone()
    expected = (1 - alpha) * a + alpha * b - method.dual[1] + 0.3 * (x - method.server)
    torch.testing.assert_close(method.direction(client, BATCH), expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(client.weights, x)


def test_ascent_is_of_length_rho_and_on_the_same_batch(make_method: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    method = make_method(FedSpeed, lamb=0.3, rho=0.05)
    client = at_work(method)
    x = client.weights.clone()
    calls: list[tuple[Tensor, Batch]] = []
    gradient = method.network.gradient

    def spy(*batch: Tensor) -> tuple[Tensor, Tensor]:
        calls.append((method.network.weights.clone(), batch))
        return gradient(*batch)

    monkeypatch.setattr(method.network, "gradient", spy)
    method.direction(client, BATCH)
    (first, batch), (second, same_batch) = calls
    assert torch.equal(first, x)
    assert (second - x).norm().item() == pytest.approx(0.05, rel=1e-4)
    assert all(one is other for one, other in zip(batch, same_batch, strict=True))


@pytest.mark.parametrize(("alpha", "times"), [(1.0, 2), (0.5, 2), (0.0, 1)])
def test_the_ascent_s_gradients_are_counted(make_method: Make, train: Fit, alpha: float, times: int) -> None:
    plain = train(make_method(FedAvg)).gradient_evaluations
    assert (train(make_method(FedSpeed, alpha=alpha)).gradient_evaluations == times * plain).all()


def test_in_the_study_no_prox_is_the_same_runs_as_fedsam() -> None:
    study = Study(Path(__file__).parents[3] / "config" / "studies" / "fedspeed.yaml")
    for scale in ("smoke", "desk"):
        cells = {(cell.arm, cell.condition, cell.seed): cell.spec for cell in study.cells(Selection(scale=scale))}
        assert ("no_prox", "mlp", 1) in cells
        for (arm, condition, seed), spec in cells.items():
            if arm == "no_prox":
                assert spec == cells["fedsam", condition, seed]
