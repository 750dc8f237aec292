"""The common course of a round among peers."""

from collections.abc import Callable

import pandas as pd
import pytest
import torch
from torch import Tensor

from archipelago.errors import ArchipelagoError
from archipelago.gossip.batches import NodeBatch
from archipelago.gossip.broadcast import Broadcast
from archipelago.methods.robust.dsgd import DSGD
from archipelago.methods.robust.jungle import Jungle
from archipelago.methods.robust.monna import MixedMomenta, MoNNA
from archipelago.methods.robust.rfa import RFA
from archipelago.methods.robust.scc import SelfCentredClipping
from archipelago.methods.robust.trimmed_mean import TrimmedMean
from archipelago.population.aggregation import Rule, Weighted, mean_weights
from archipelago.population.attacks import ALIE, Attack, FallOfEmpires, Scene
from archipelago.population.gradients import rows_gradient

Make = Callable[..., Broadcast]
Fit = Callable[..., pd.DataFrame]

ARMS = {
    "monna": (MoNNA, {"beta": 0.9}),
    "nna_nomom": (MoNNA, {"beta": 0.0}),
    "avg_mom": (DSGD, {"beta": 0.9}),
    "mom_on_mixed": (MixedMomenta, {"beta": 0.9}),
    "trmean": (TrimmedMean, {"beta": 0.9}),
    "rfa": (RFA, {"beta": 0.9}),
    "scc": (SelfCentredClipping, {"beta": 0.9, "radius": 2.0}),
    "jungle": (Jungle, {"beta": 0.0}),
}


class Spy(Attack):
    """Sends zeros and keeps what it saw."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []

    def lie(self, scene: Scene) -> Tensor:
        self.scenes.append(scene)
        return torch.zeros_like(scene.honest[0])


class Plain(Broadcast):
    """Gradient steps on own models, which are then averaged; keeps the models before each step."""

    rule: Rule = Weighted(mean_weights)

    def step(self, batch: NodeBatch) -> None:
        before = self.theta.clone()
        gradient = self.gradient(batch)
        half = before - self.step_size(batch) * gradient
        self.theta.copy_(self.exchange(batch, half, origin=before))
        self.kept = (before, gradient, batch)


@pytest.mark.parametrize("arm", ARMS)
def test_a_peer_hears_all_lies_itself_and_n_minus_2f_minus_1_others(
    make_peers: Make, train_peers: Fit, arm: str
) -> None:
    method, init_args = ARMS[arm]
    spy = Spy()
    train_peers(make_peers(method, byzantine=2, attack=spy, **init_args))
    assert len(spy.scenes) == (8 if arm == "jungle" else 4)
    for scene in spy.scenes:
        assert scene.heard.shape == (6, 8)
        assert (scene.heard.sum(1) == 8 - 2).all()
        assert scene.heard[:, 6:].all()
        assert scene.heard.diagonal().all()
    others = torch.stack([scene.heard[:, :6] for scene in spy.scenes]).float().mean((0, 1))
    assert others.min() > 0.3


def test_who_hears_whom_is_alike_for_every_arm(make_peers: Make, train_peers: Fit) -> None:
    heard = {}
    for arm, (method, init_args) in ARMS.items():
        spy = Spy()
        train_peers(make_peers(method, byzantine=2, attack=spy, **init_args))
        rounds = spy.scenes[1::2] if arm == "jungle" else spy.scenes
        heard[arm] = torch.stack([scene.heard for scene in rounds])
    del heard["mom_on_mixed"]  # it broadcasts momenta, not models
    assert all(torch.equal(table, heard["monna"]) for table in heard.values())
    assert not torch.equal(heard["monna"][0], heard["monna"][1])


def test_a_paper_s_example_n_26_f_5(make_peers: Make) -> None:
    method = make_peers(Plain, byzantine=5, attack=ALIE())
    method.theta = torch.zeros(21, 1)
    heard = method.delivery(1, "models")
    assert heard.shape == (21, 26)
    assert (heard.sum(1) == 21).all()


def test_without_byzantine_peers_everybody_hears_everybody(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(Plain)
    train_peers(method, rounds=1)
    assert method.delivery(1, "models").all()


def test_every_peer_starts_with_its_own_copy_and_steps_once(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(Plain, l2=0.5)
    train_peers(method, rounds=1)
    start, gradient, batch = method.kept
    assert torch.equal(start, start[0].expand_as(start))
    _, bare = rows_gradient(method.network, start, batch.x, batch.y)
    torch.testing.assert_close(gradient, bare + 0.5 * start)
    assert (gradient[0] != gradient[1]).any()
    mean = (start - 0.3 * gradient).mean(0)
    torch.testing.assert_close(method.theta, mean.expand_as(start))
    assert method.theta.untyped_storage().nbytes() == method.theta.nbytes == 6 * mean.nbytes


def test_models_drift_apart_among_attackers(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(MoNNA, beta=0.9, byzantine=2, attack=ALIE())
    rows = train_peers(method)
    assert len(method.theta.unique(dim=0)) > 1
    assert rows["drift"].iloc[-1] > 0


def test_step_sizes_fall_in_stairs(make_peers: Make) -> None:
    method = make_peers(Plain, gamma0=0.75, tau=50.0, delta=20)
    sizes = [method.step_size(NodeBatch(t + 1, torch.empty(0), torch.empty(0), None)) for t in (0, 19, 20, 39, 60)]
    assert sizes == pytest.approx([0.75, 0.75, 0.75 / 1.4, 0.75 / 1.4, 0.75 / 2.2])


def test_attackers_know_the_honest_and_their_gradients(make_peers: Make, train_peers: Fit) -> None:
    spy = Spy()
    method = make_peers(Plain, byzantine=2, attack=spy)
    train_peers(method, rounds=1)
    start, gradient, batch = method.kept
    (scene,) = spy.scenes
    torch.testing.assert_close(scene.honest, start - scene.step_size * gradient)
    assert torch.equal(scene.origin, start)
    method.theta.copy_(start)
    torch.testing.assert_close(scene.gradient(batch.y), gradient)
    assert (scene.gradient((batch.y + 1) % 3) - gradient).norm() > 0.1


def test_the_lie_arrives(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(Plain, byzantine=2, attack=Spy())
    rows = train_peers(method, rounds=1)
    start, gradient, _ = method.kept
    heard = method.delivery(1, "models").float()
    half = torch.cat([start - 0.3 * gradient, torch.zeros(2, start.shape[1])])
    torch.testing.assert_close(method.theta, heard @ half / 6)
    assert rows["byzantine_weight"].item() == pytest.approx(2 / 6)


def test_what_is_recorded(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(Plain, byzantine=2, attack=ALIE())
    rows = train_peers(method, evaluate_every=2, probe_every=4)
    size = method.theta.shape[1]
    assert rows["round"].tolist() == [1, 2, 3, 4]
    assert rows["grad_computations"].dropna().tolist() == [2, 4]
    assert rows["bytes_sent"].dropna().tolist() == [4 * size * 7 * 2, 4 * size * 7 * 4]
    assert rows["contraction"].between(1e-6, 1).all()
    assert rows["probe_acc_mean"].notna().tolist() == [False, False, False, True]
    last = rows.iloc[-1]
    # The tiny test set is smaller than the probe: both look at the same samples.
    assert last["probe_acc_mean"] == pytest.approx(last["acc_mean"])
    assert last["acc_worst"] <= min(last["acc_mean"], last["acc_node0"])


def test_jungle_sends_twice(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(Jungle, beta=0.0, byzantine=2, attack=FallOfEmpires())
    rows = train_peers(method, rounds=1)
    assert rows["bytes_sent"].item() == 2 * 4 * method.theta.shape[1] * 7
    assert rows["grad_computations"].item() == 1


def test_byzantine_peers_need_an_attack_and_a_minority(make_peers: Make, train_peers: Fit) -> None:
    with pytest.raises(ArchipelagoError, match=r"attack.*2 Byzantine peers without an attack"):
        make_peers(Plain, byzantine=2)
    with pytest.raises(ArchipelagoError, match="6 Byzantine peers among 12"):
        train_peers(make_peers(Plain, byzantine=6, attack=ALIE()))


@pytest.mark.parametrize("arm", ARMS)
def test_a_killed_run_ends_as_if_it_had_never_stopped(make_peers: Make, train_peers: Fit, arm: str) -> None:
    method, init_args = ARMS[arm]

    class Killed(method):
        def training_step(self, batch: NodeBatch, batch_idx: int) -> None:
            if batch.round == 4:
                raise InterruptedError
            super().training_step(batch, batch_idx)

    common = {"byzantine": 2, "attack": ALIE(), **init_args}
    whole = make_peers(method, **common)
    expected = train_peers(whole, rounds=6, evaluate_every=2)
    with pytest.raises(InterruptedError):
        train_peers(make_peers(Killed, **common), rounds=6, evaluate_every=2, checkpoint="round.ckpt")
    resumed = make_peers(method, **common)
    rows = train_peers(resumed, rounds=6, evaluate_every=2, checkpoint="round.ckpt")
    pd.testing.assert_frame_equal(rows, expected)
    assert torch.equal(resumed.theta, whole.theta)
