"""What MoNNA promises, and in what its ablations and baselines differ."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import pytest
import torch
from torch import Tensor

from archipelago.gossip.batches import NodeBatch
from archipelago.gossip.broadcast import Broadcast
from archipelago.methods.robust.dsgd import DSGD
from archipelago.methods.robust.jungle import Jungle
from archipelago.methods.robust.monna import MixedMomenta, MoNNA
from archipelago.methods.robust.trimmed_mean import TrimmedMean
from archipelago.population.aggregation import trimmed_mean
from archipelago.population.attacks import ALIE, FallOfEmpires, FlippedStep
from archipelago.population.gradients import flatten

Make = Callable[..., Broadcast]
Fit = Callable[..., pd.DataFrame]


def remembering(method: type[Broadcast]) -> type[Broadcast]:
    """The same method; it keeps, of each round, models before it, gradients, what was sent and what was made of it."""

    class Remembering(method):
        def step(self, batch: NodeBatch) -> None:
            self.before = [*getattr(self, "before", []), self.theta.clone()]
            super().step(batch)

        def gradient(self, batch: NodeBatch) -> Tensor:
            gradient = super().gradient(batch)
            self.gradients = [*getattr(self, "gradients", []), gradient.clone()]
            return gradient

        def exchange(self, batch: NodeBatch, messages: Tensor, origin: Tensor, **which: str) -> Tensor:
            results = super().exchange(batch, messages, origin, **which)
            self.exchanges = [*getattr(self, "exchanges", []), (messages.clone(), results.clone())]
            return results

    return Remembering


@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_without_byzantine_peers_monna_is_dsgd_bit_for_bit(make_peers: Make, train_peers: Fit, beta: float) -> None:
    monna, dsgd = make_peers(MoNNA, beta=beta), make_peers(DSGD, beta=beta)
    pd.testing.assert_frame_equal(train_peers(monna, rounds=6), train_peers(dsgd, rounds=6))
    assert torch.equal(monna.theta, dsgd.theta)
    # Averaging over everybody leaves one model, which moved.
    torch.testing.assert_close(monna.theta, monna.theta.mean(0).expand_as(monna.theta))
    assert (monna.theta[0] - flatten(monna.network)).norm() > 0.1


def test_momentum_is_local_and_damped_and_models_are_mixed(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(remembering(MoNNA), beta=0.8, gamma0=0.3, byzantine=2, attack=ALIE())
    train_peers(method, rounds=3)
    momentum = torch.zeros_like(method.theta)
    models = [*method.before[1:], method.theta]
    for before, gradient, (sent, made), after in zip(
        method.before, method.gradients, method.exchanges, models, strict=True
    ):
        momentum = 0.8 * momentum + 0.2 * gradient
        torch.testing.assert_close(sent, before - 0.3 * momentum)
        assert torch.equal(after, made)
    torch.testing.assert_close(method.momentum, momentum)


def test_the_kept_are_n_minus_2f(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(remembering(MoNNA), beta=0.9, byzantine=2, attack=FlippedStep())
    train_peers(method, rounds=1)
    (sent, made), heard = method.exchanges[0], method.delivery(1, "models")
    lie = 2 * method.before[0].mean(0) - sent.mean(0)
    rows = torch.cat([sent, lie.expand(2, -1)])
    for peer in range(6):
        others = [j for j in heard[peer].nonzero().flatten().tolist() if j != peer]
        nearest = sorted(others, key=lambda j: (rows[j] - rows[peer]).norm().item())[:3]
        torch.testing.assert_close(made[peer], rows[[peer, *nearest]].mean(0))


def test_mixed_momenta_never_mix_models(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(remembering(MixedMomenta), beta=0.8, gamma0=0.3, byzantine=2, attack=ALIE())
    train_peers(method, rounds=3)
    momentum = torch.zeros_like(method.theta)
    theta = method.before[0]
    for gradient, (sent, made) in zip(method.gradients, method.exchanges, strict=True):
        momentum = 0.8 * momentum + 0.2 * gradient
        torch.testing.assert_close(sent, momentum)
        theta = theta - 0.3 * made
    torch.testing.assert_close(method.theta, theta)


def test_jungle_agrees_on_gradients_and_then_on_models(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(remembering(Jungle), beta=0.0, gamma0=0.3, byzantine=2, attack=ALIE())
    train_peers(method, rounds=1)
    (gradients, agreed), (models, made) = method.exchanges
    assert torch.equal(gradients, method.gradients[0])
    torch.testing.assert_close(models, method.before[0] - 0.3 * agreed)
    assert torch.equal(method.theta, made)
    assert not torch.equal(method.delivery(1, "gradients"), method.delivery(1, "models"))


def test_trimmed_mean_of_models(make_peers: Make, train_peers: Fit) -> None:
    method = make_peers(remembering(TrimmedMean), beta=0.9, byzantine=2, attack=FlippedStep())
    train_peers(method, rounds=1)
    sent, made = method.exchanges[0]
    rows = torch.cat([sent, (2 * method.before[0].mean(0) - sent.mean(0)).expand(2, -1)])
    torch.testing.assert_close(made, trimmed_mean(rows, method.delivery(1, "models"), trim=2))


def test_lies_ruin_the_average_but_not_monna(make_peers: Make, train_peers: Fit) -> None:
    train = partial(train_peers, rounds=40, evaluate_every=40)
    common = {"beta": 0.9, "gamma0": 0.5, "byzantine": 1, "attack": FallOfEmpires()}
    robust = train(make_peers(MoNNA, **common))["acc_worst"].iloc[-1]
    fragile = train(make_peers(DSGD, **common))["acc_mean"].iloc[-1]
    assert robust > fragile + 0.2
