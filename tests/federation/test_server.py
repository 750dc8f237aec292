"""The common course of a round."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

from archipelago.federation import Batch, Client, Cohorts, Federation, Message, Reply, server
from archipelago.methods.federated.fedadam import FedAdam
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.methods.federated.fedcm import FedCM
from archipelago.methods.federated.feddyn import FedDyn
from archipelago.methods.federated.fedsam import FedSAM
from archipelago.methods.federated.fedspeed import FedSpeed
from archipelago.methods.federated.scaffold import SCAFFOLD
from archipelago.randomness import torch_stream
from archipelago.studies.fit import fit

Make = Callable[..., Federation]
Fit = Callable[..., pd.DataFrame]


class Constant(FedAvg):
    """Every step goes along a given direction; keeps the batches it saw."""

    along: Tensor

    def __init__(self, **common: object) -> None:
        super().__init__(**common)
        self.seen: list[tuple[int, int, Tensor]] = []

    def direction(self, client: Client, batch: Batch) -> Tensor:
        self.seen.append((self.round, client.id, batch[0].clone()))
        client.gradient(batch)
        return self.along.clone()


def constant(make_method: Make, length: float, **init_args: object) -> Constant:
    method = make_method(Constant, **init_args)
    method.along = torch.ones_like(method.server)
    method.along *= length / method.along.norm()
    return method


@pytest.mark.parametrize(("length", "taken"), [(0.5, 0.5), (8.0, 1.0)])
def test_a_step_is_clipped_and_then_decays(make_method: Make, train: Fit, length: float, taken: float) -> None:
    method = constant(make_method, length, clip_norm=1.0, weight_decay=0.1, lr=0.3, local_epochs=1, batch_size=99)
    start = method.server.clone()
    train(method, rounds=1)
    expected = start - 0.3 * (taken * method.along / method.along.norm() + 0.1 * start)
    torch.testing.assert_close(method.server, expected)


def test_local_momentum_is_that_of_torch_and_starts_from_rest_in_every_round(make_method: Make, train: Fit) -> None:
    method = constant(
        make_method, 1.0, clip_norm=None, weight_decay=0.1, local_momentum=0.9, batch_size=4, lr_decay=1.0
    )
    reference = torch.nn.Parameter(method.server.clone())
    train(method, rounds=2, participation=0.01)  # one client a round
    for round in (1, 2):
        optimizer = torch.optim.SGD([reference], lr=0.2, momentum=0.9, weight_decay=0.1)
        for _ in [batch for batch in method.seen if batch[0] == round]:
            reference.grad = method.along.clone()
            optimizer.step()
    torch.testing.assert_close(method.server, reference.detach())


class HalfWay(FedAvg):
    """Clients start half way between the origin and what they received."""

    def start(self, client: int, received: Message) -> Tensor:
        return received["weights"] / 2

    def upload(self, client: Client) -> Message:
        return {"weights": client.anchor}


def test_a_client_starts_where_the_method_says(make_method: Make, train: Fit) -> None:
    method = make_method(HalfWay)
    start = method.server.clone()
    train(method, rounds=1)
    torch.testing.assert_close(method.server, start / 2)


def test_no_clipping_where_none_is_asked_for(make_method: Make, train: Fit) -> None:
    method = constant(make_method, 50.0, clip_norm=None, weight_decay=0.0, lr=0.1, local_epochs=1, batch_size=99)
    start = method.server.clone()
    train(method, rounds=1)
    torch.testing.assert_close(method.server, start - 0.1 * method.along)


def test_the_step_size_decays_with_the_round(make_method: Make, train: Fit) -> None:
    method = constant(make_method, 1.0, weight_decay=0.0, lr=1.0, lr_decay=0.5, local_epochs=1, batch_size=99)
    start = method.server.clone()
    train(method, rounds=3)
    torch.testing.assert_close(method.server, start - 1.75 * method.along)


def test_local_epochs_are_permutations_that_change(make_method: Make, train: Fit, feed: Callable[..., Cohorts]) -> None:
    method = constant(make_method, 1.0, local_epochs=2, batch_size=5)
    train(method, rounds=2, participation=1.0)
    lessons = feed(2)
    lessons.setup("fit")
    orders = []
    for round in (1, 2):
        for client in range(6):
            batches = [x for r, c, x in method.seen if (r, c) == (round, client)]
            x, _ = lessons.shard(client)
            steps = -(-len(x) // 5)
            assert [len(b) for b in batches] == 2 * [*[5] * (steps - 1), len(x) - 5 * (steps - 1)]
            epochs = torch.cat(batches).flatten(1).split(len(x))
            orders += [epochs] if client == 5 else []
            for epoch in epochs:
                assert sorted(epoch.tolist()) == sorted(x.flatten(1).tolist())
    ((a, b), (c, d)) = orders
    assert not any(torch.equal(one, other) for one, other in ((a, b), (a, c), (b, d), (c, d)))


def test_batches_are_drawn_from_streams_of_round_and_client(
    make_method: Make, train: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def spy(*name: int | str) -> torch.Generator:
        drawn.append(name)
        return torch_stream(*name)

    monkeypatch.setattr(server, "torch_stream", spy)
    train(make_method(FedAvg, seed=3), rounds=2, participation=1.0)
    assert drawn == [(3, "batches", round, client) for round in (1, 2) for client in range(6)]


def test_weighting(make_method: Make) -> None:
    replies = [
        Reply(0, 10, 2, {"weights": torch.tensor([1.0, 0.0])}),
        Reply(1, 30, 6, {"weights": torch.tensor([5.0, 4.0])}),
    ]
    assert make_method(FedAvg, weighting="uniform").average(replies).tolist() == [3.0, 2.0]
    assert make_method(FedAvg, weighting="samples").average(replies).tolist() == [4.0, 3.0]


def test_a_gradient_elsewhere_leaves_the_client_where_it_is(make_method: Make) -> None:
    network = make_method(FedAvg).network
    here, there = torch.randn(network.size), torch.randn(network.size)
    batch = (torch.randn(4, 1, 4, 4), torch.tensor([0, 1, 2, 0]))
    client = Client(0, {}, there, network, samples=4, lr=0.1)
    expected = client.gradient(batch).clone()
    client.weights.copy_(here)
    assert torch.equal(client.gradient(batch, at=there), expected)
    assert torch.equal(client.weights, here)
    assert torch.equal(client.drift, here - there)
    assert client.gradient_evaluations == 2
    assert len(client.losses) == 1


def test_records(make_method: Make, train: Fit) -> None:
    method = make_method(FedAvg)
    before = method.server.clone()
    uploads: list[Tensor] = []
    upload = method.upload

    def spy(client: Client) -> Message:
        uploads.append(client.weights.clone())
        return upload(client)

    method.upload = spy
    records = train(method, rounds=3, participation=1.0, evaluate_every=3)
    assert records["round"].tolist() == [1, 2, 3]
    first = torch.stack([(weights - before).square().sum() for weights in uploads[:6]]).mean().item()
    assert records.client_drift[0] == pytest.approx(first, rel=1e-5)
    assert (records.gradient_evaluations == 2 * (1 + 2 + 3 + 4 + 4 + 5)).all()
    assert (records.bytes_up == 6 * 4 * method.network.size).all()
    assert (records.bytes_down == records.bytes_up).all()
    assert records.sharpness.notna().tolist() == [False, False, True]
    assert records.test_accuracy.notna().tolist() == [False, False, True]
    assert records.train_loss.iloc[-1] < records.train_loss.iloc[0]


STATEFUL = [
    (FedAvg, {}),
    (FedSpeed, {"correction_over": "all"}),
    (FedSpeed, {"correction_over": "active"}),
    (FedAdam, {}),
    (SCAFFOLD, {}),
    (FedDyn, {}),
    (FedCM, {}),
    (FedSAM, {}),
]


@pytest.mark.parametrize(("method", "init_args"), STATEFUL, ids=lambda value: getattr(value, "__name__", None))
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(
    method: type[Federation],
    init_args: dict[str, object],
    make_method: Make,
    feed: Callable[..., Cohorts],
    tmp_path: Path,
) -> None:
    def run(module: Federation, name: str) -> pd.DataFrame:
        return fit(module, feed(5), rounds=5, evaluate_every=1, checkpoint=tmp_path / name, checkpoint_every=0)[0]

    whole = make_method(method, **init_args)
    expected = run(whole, "whole.ckpt")

    killed = make_method(method, **init_args)
    aggregate = killed.aggregate

    def die_in_round_four(replies: list[Reply]) -> None:
        if killed.round == 4:
            raise KeyboardInterrupt
        aggregate(replies)

    killed.aggregate = die_in_round_four
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run(killed, "killed.ckpt")
    resumed = make_method(method, **init_args)
    records = run(resumed, "killed.ckpt")
    pd.testing.assert_frame_equal(records, expected, check_exact=True)
    for name, buffer in whole.named_buffers():
        assert torch.equal(resumed.get_buffer(name), buffer), name
