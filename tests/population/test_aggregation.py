"""Rules of aggregation against their definitions, written as loops; what the specification says must always hold."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from archipelago.population.aggregation import (
    Coordinatewise,
    Weighted,
    clipping_weights,
    geometric_median_weights,
    mean_weights,
    nearest_neighbour_weights,
    trimmed_mean,
)
from archipelago.population.distances import gram

Combine = Callable[[Tensor, Tensor], Tensor]


def some_rows(n: int, d: int = 40, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def some_heard(honest: int, byzantine: int, seed: int = 0) -> Tensor:
    """Each of the honest hears itself, all Byzantine and some others, n - f in all."""
    lots = torch.rand(honest, honest, generator=torch.Generator().manual_seed(seed)).fill_diagonal_(-1)
    heard = torch.zeros(honest, honest + byzantine, dtype=torch.bool)
    heard[:, honest:] = True
    return heard.scatter_(1, lots.argsort(1)[:, : honest - byzantine], True)


def nna(keep: int) -> Weighted:
    return Weighted(partial(nearest_neighbour_weights, keep=keep))


def loop_nna(rows: Tensor, heard: Tensor, keep: int) -> Tensor:
    results = []
    for i, hears in enumerate(heard):
        others = [j for j in hears.nonzero().flatten().tolist() if j != i]
        others.sort(key=lambda j, i=i: (rows[j] - rows[i]).norm().item())
        results.append(rows[[i, *others[: keep - 1]]].mean(0))
    return torch.stack(results)


def loop_geometric_median(rows: Tensor, heard: Tensor) -> Tensor:
    results = []
    for hears in heard:
        points = rows[hears].double()
        centre = points.mean(0)
        for _ in range(8):
            inverse = 1 / (points - centre).norm(dim=1).clamp_min(1e-6)
            centre = inverse @ points / inverse.sum()
        results.append(centre.float())
    return torch.stack(results)


def loop_clipping(rows: Tensor, heard: Tensor, radius: float) -> Tensor:
    results = []
    for i, hears in enumerate(heard):
        differences = rows[hears] - rows[i]
        differences *= (radius / differences.norm(dim=1, keepdim=True).clamp_min(radius)).clamp_max(1.0)
        results.append(rows[i] + differences.mean(0))
    return torch.stack(results)


def loop_trimmed_mean(rows: Tensor, heard: Tensor, trim: int) -> Tensor:
    return torch.stack([rows[hears].sort(0).values[trim : len(rows[hears]) - trim].mean(0) for hears in heard])


RULES = {
    "mean": (Weighted(mean_weights), lambda r, h: torch.stack([r[hears].mean(0) for hears in h])),
    "nearest neighbours": (nna(16), partial(loop_nna, keep=16)),
    "geometric median": (Weighted(geometric_median_weights), loop_geometric_median),
    "clipping": (Weighted(partial(clipping_weights, radius=8.0)), partial(loop_clipping, radius=8.0)),
    "trimmed mean": (Coordinatewise(partial(trimmed_mean, trim=5)), partial(loop_trimmed_mean, trim=5)),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_what_its_definition_says(name: str) -> None:
    rule, definition = RULES[name]
    rows, heard = some_rows(26), some_heard(21, 5)
    rows[21:] = rows[:21].mean(0) + 0.5
    torch.testing.assert_close(rule.combine(rows, heard).results, definition(rows, heard), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_moves_with_the_rows(name: str) -> None:
    rule, _ = RULES[name]
    rows, heard, shift = some_rows(26), some_heard(21, 5), some_rows(1, seed=1)
    moved = rule.combine(rows + shift, heard).results
    torch.testing.assert_close(moved, rule.combine(rows, heard).results + shift, atol=5e-6, rtol=0)


@pytest.mark.parametrize("name", RULES)
def test_the_order_of_the_senders_does_not_matter(name: str) -> None:
    rule, _ = RULES[name]
    rows, heard = some_rows(26), some_heard(21, 5)
    listeners = torch.randperm(21, generator=torch.Generator().manual_seed(2))
    order = torch.cat([listeners, torch.tensor([25, 23, 22, 24, 21])])
    permuted = rule.combine(rows[order], heard[listeners][:, order]).results
    torch.testing.assert_close(permuted, rule.combine(rows, heard).results[listeners], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", RULES)
def test_weights_do_not_reach_what_is_not_heard(name: str) -> None:
    rule, _ = RULES[name]
    rows, heard = some_rows(26), some_heard(21, 5)
    before = rule.combine(rows, heard).results
    silent = int((~heard[0]).nonzero()[0])
    rows[silent] += 100
    torch.testing.assert_close(rule.combine(rows, heard).results[0], before[0], atol=1e-5, rtol=0)


def test_nearest_neighbours_keep_16_of_21() -> None:
    heard = some_heard(21, 5)
    weights = nna(16).combine(some_rows(26), heard).weights
    assert (heard.sum(1) == 21).all()
    assert ((weights > 0).sum(1) == 16).all()
    assert set(weights.flatten().tolist()) == {0.0, 1 / 16}


def test_without_byzantine_peers_nearest_neighbours_are_the_mean_bit_for_bit() -> None:
    rows, heard = some_rows(21), torch.ones(21, 21, dtype=torch.bool)
    assert torch.equal(nna(21).combine(rows, heard).results, Weighted(mean_weights).combine(rows, heard).results)


@given(
    n=st.integers(4, 26),
    share=st.floats(0, 1),
    scale=st.sampled_from([0.0, 1e-3, 1.0, 1e6, 1e20]),
    seed=st.integers(0, 1000),
)
def test_lies_cannot_move_honest_peers_who_agree(n: int, share: float, scale: float, seed: int) -> None:
    byzantine = round(share * ((n - 1) // 3))
    honest = n - byzantine
    rows = some_rows(1, seed=seed).repeat(n, 1)
    rows[honest:] += scale * some_rows(byzantine, seed=seed + 1)
    results = nna(n - 2 * byzantine).combine(rows, some_heard(honest, byzantine, seed)).results
    torch.testing.assert_close(results, rows[:honest], atol=1e-6, rtol=0)


def test_the_own_model_is_kept_even_among_equals() -> None:
    rows = torch.zeros(8, 3)
    weights = nna(1).combine(rows, torch.ones(8, 8, dtype=torch.bool)).weights
    assert torch.equal(weights, torch.eye(8, dtype=torch.float64))


def test_neighbours_are_near_to_the_own_model_not_to_the_majority() -> None:
    """A lonely peer keeps itself and its nearest, where a score of centrality would choose the crowd's middle."""
    rows = torch.tensor([[10.0], [7.0], [0.0], [0.1], [0.2], [0.3]])
    results = nna(2).combine(rows, torch.ones(6, 6, dtype=torch.bool)).results
    torch.testing.assert_close(results[0], torch.tensor([8.5]))


@pytest.mark.parametrize("outlier", [-1e30, 1e30])
def test_trimmed_mean_with_ties_and_absurd_values(outlier: float) -> None:
    rows = torch.randint(0, 4, (9, 200), generator=torch.Generator().manual_seed(0)).float()
    rows[7:] = outlier
    heard = some_heard(7, 2)
    torch.testing.assert_close(trimmed_mean(rows, heard, trim=2), loop_trimmed_mean(rows, heard, 2))


def test_clipping_is_the_mean_where_nothing_is_far() -> None:
    rows, heard = some_rows(9), some_heard(7, 2)
    near = Weighted(partial(clipping_weights, radius=1e6)).combine(rows, heard).results
    torch.testing.assert_close(near, Weighted(mean_weights).combine(rows, heard).results)


def test_a_server_is_one_listener() -> None:
    rows = some_rows(9)
    everybody = torch.ones(1, 9, dtype=torch.bool)
    torch.testing.assert_close(
        Weighted(geometric_median_weights).combine(rows, everybody).results, loop_geometric_median(rows, everybody)
    )
    torch.testing.assert_close(trimmed_mean(rows, everybody, trim=2), loop_trimmed_mean(rows, everybody, 2))


@pytest.mark.parametrize("name", RULES)
def test_harm_is_that_of_the_lies_it_stands_for(name: str) -> None:
    rule, _ = RULES[name]
    honest, heard, direction = some_rows(21), some_heard(21, 5), some_rows(1, seed=3)[0]
    mean = honest.mean(0)
    strengths = torch.tensor([0.1, 1.0, 7.0])
    harm = rule.harm(honest, heard, direction, torch.Generator())(strengths)
    for z, told in zip(strengths, harm, strict=True):
        rows = torch.cat([honest, (mean + z * direction).expand(5, -1)])
        moved = rule.combine(rows, heard).results.mean(0) - mean
        torch.testing.assert_close(told.item(), moved.square().sum().item(), rtol=1e-4, atol=1e-7)


def test_harm_to_a_coordinatewise_rule_looks_at_some_coordinates_only() -> None:
    widths = []

    def look(rows: Tensor, heard: Tensor) -> Tensor:
        widths.append(rows.shape[1])
        return trimmed_mean(rows, heard, trim=2)

    honest, heard = some_rows(7, d=3000), some_heard(7, 2)
    stream = torch.Generator().manual_seed(0)
    Coordinatewise(look).harm(honest, heard, honest[0], stream)(torch.ones(8))
    assert widths == [8 * 1000]


def test_weights_batch_over_gram_matrices() -> None:
    heard = some_heard(7, 2)
    grams = torch.stack([gram(some_rows(9, seed=seed)) for seed in range(3)])
    for weigh in (
        mean_weights,
        geometric_median_weights,
        partial(nearest_neighbour_weights, keep=5),
        partial(clipping_weights, radius=5.0),
    ):
        torch.testing.assert_close(weigh(grams, heard), torch.stack([weigh(one, heard) for one in grams]))
