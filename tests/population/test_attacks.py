"""Attacks: what is sent, and that its strength is searched against the rule in use."""

from functools import partial

import pytest
import torch
from torch import Tensor

from archipelago.population.aggregation import (
    Coordinatewise,
    Rule,
    Weighted,
    geometric_median_weights,
    mean_weights,
    nearest_neighbour_weights,
    trimmed_mean,
)
from archipelago.population.attacks import (
    ALIE,
    Attack,
    FallOfEmpires,
    FlippedStep,
    LabelFlip,
    NegatedMean,
    Scene,
    strongest,
)

HONEST, BYZANTINE, SIZE = 21, 5, 60
NNA = Weighted(partial(nearest_neighbour_weights, keep=16))
RULES = {
    "nearest neighbours": NNA,
    "geometric median": Weighted(geometric_median_weights),
    "trimmed mean": Coordinatewise(partial(trimmed_mean, trim=5)),
}


def scene(rule: Rule = NNA, **what: object) -> Scene:
    stream = torch.Generator().manual_seed(0)
    origin = 3 + 0.3 * torch.randn(HONEST, SIZE, generator=stream)
    heard = torch.ones(HONEST, HONEST + BYZANTINE, dtype=torch.bool)
    labels = torch.arange(HONEST * 4).view(HONEST, 4) % 10
    common = {
        "honest": origin + 0.1 * torch.randn(HONEST, SIZE, generator=stream),
        "origin": origin,
        "heard": heard,
        "rule": rule,
        "step_size": 0.5,
        "labels": labels,
        "gradient": lambda labels: labels.float().mean(1, keepdim=True).expand(HONEST, SIZE),
        "stream": stream,
    }
    return Scene(**{**common, **what})


def harm_of(lie: Tensor, at: Scene) -> float:
    rows = torch.cat([at.honest, lie.expand(BYZANTINE, -1)])
    return (at.rule.combine(rows, at.heard).results.mean(0) - at.honest.mean(0)).square().sum().item()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("attack", [ALIE(), FallOfEmpires()])
def test_no_other_strength_does_much_more_harm(attack: Attack, rule: str) -> None:
    at = scene(RULES[rule])
    mean = at.honest.mean(0)
    direction = at.honest.std(0) if isinstance(attack, ALIE) else -mean
    lie = attack.lie(at)
    z = ((lie - mean) @ direction / direction.square().sum()).item()
    torch.testing.assert_close(lie, mean + z * direction, atol=1e-4, rtol=0)
    finest = max(harm_of(mean + s * direction, at) for s in torch.logspace(-6, 5, 200, base=2).tolist())
    assert harm_of(lie, at) >= 0.7 * finest


def test_the_strength_depends_on_the_rule() -> None:
    """A plain mean is moved the farther the bigger the lie; a lie for nearest neighbours has to stay among them."""
    bold, sly = (ALIE().lie(scene(rule)) - scene().honest.mean(0) for rule in (Weighted(mean_weights), NNA))
    assert bold.norm() > 10 * sly.norm()
    assert harm_of(ALIE().lie(scene(NNA)), scene(NNA)) > harm_of(ALIE().lie(scene(Weighted(mean_weights))), scene(NNA))


def test_the_search_refines() -> None:
    def peak(z: Tensor) -> Tensor:
        return -(z.log2() - 1.7).abs()

    assert strongest(peak, refinements=0) == 2.0
    assert strongest(peak, refinements=2) == pytest.approx(2**1.7, rel=0.1)


def test_the_search_takes_18_evaluations() -> None:
    seen: list[float] = []

    def count(z: Tensor) -> Tensor:
        seen.extend(z.tolist())
        return z

    assert strongest(count, refinements=2) == pytest.approx(32 * 4 ** (2 / 3 + 2 / 9))
    assert (len(seen), min(seen), seen[7]) == (18, 2**-9, 2**5)


def test_sign_flips() -> None:
    at = scene()
    torch.testing.assert_close(NegatedMean().lie(at), -at.honest.mean(0))
    step = (at.honest - at.origin).mean(0)
    torch.testing.assert_close(FlippedStep().lie(at), at.origin.mean(0) - step)
    distance = (at.honest - at.honest.mean(0)).norm(dim=1).min()
    assert (FlippedStep().lie(at) - at.honest.mean(0)).norm() < distance
    assert (NegatedMean().lie(at) - at.honest.mean(0)).norm() > 10 * distance


def test_label_flip_trains_on_the_mirrored_label() -> None:
    at = scene()
    flipped = (9 - at.labels).float().mean()
    torch.testing.assert_close(LabelFlip().lie(at), at.honest.mean(0) - 0.5 * flipped)
    torch.testing.assert_close(LabelFlip(classes=20).lie(at), at.honest.mean(0) - 0.5 * (flipped + 10))
