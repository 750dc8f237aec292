"""FastRP against its definition: what the iteration computes, what R is, and what may be split or relabelled."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor

from archipelago.data.graphs import Graph
from archipelago.data.synthetic import planted_partition
from archipelago.errors import ArchipelagoError
from archipelago.methods.graphs.embedding import transition
from archipelago.methods.graphs.fastrp import (
    FastRP,
    FastRPAdjacency,
    FastRPGauss,
    FastRPSVD,
    add_power,
    degree_weights,
    very_sparse,
)
from archipelago.randomness import numpy_stream

ALPHAS = {"alphas": (0.5, -1.0, 2.0), "alpha4": 3.0}


def weighted_sum(method: FastRP, graph: Graph, rounds: int = 4) -> Tensor:
    """The sum of powers in float64, before columns are standardised."""
    method.double().take(graph, rounds)
    method.embed()
    return method.total


def similarity(graph: Graph, matrix: np.ndarray, beta: float) -> np.ndarray:
    """N, formed explicitly."""
    powers = [np.linalg.matrix_power(matrix, k) for k in (1, 2, 3, 4)]
    degree = graph.adjacency().toarray().sum(axis=1)
    weights = (*ALPHAS["alphas"], ALPHAS["alpha4"])
    return sum(a * power for a, power in zip(weights, powers, strict=True)) @ np.diag((degree / degree.sum()) ** beta)


@pytest.mark.parametrize("method", [FastRP, FastRPGauss, FastRPAdjacency])
def test_iteration_equals_the_explicit_similarity(graph: Graph, method: type[FastRP]) -> None:
    made = method(**ALPHAS, beta=-0.6, normalise_rows=False, dim=16, seed=1)
    total = weighted_sum(made, graph)
    a = graph.adjacency().toarray()
    matrix = a if method is FastRPAdjacency else a / a.sum(axis=1, keepdims=True)
    r = made.projection(numpy_stream(1, "projection"))
    explicit = similarity(graph, matrix, -0.6) @ (r if isinstance(r, np.ndarray) else r.toarray())
    np.testing.assert_allclose(total.numpy(), explicit, rtol=1e-8, atol=1e-12)


def test_rows_of_a_power_have_length_one_before_weighting(graph: Graph) -> None:
    total = weighted_sum(FastRP(alphas=(0, 0, 0), alpha4=7.0, dim=16, seed=1), graph)
    torch.testing.assert_close(total.norm(dim=1), torch.full((50,), 7.0, dtype=torch.float64))


def test_embedding_has_standardised_columns(graph: Graph) -> None:
    method = FastRP(dim=16, seed=1).double()
    method.take(graph, 4)
    u = method.embed()
    torch.testing.assert_close(u.mean(0), torch.zeros(16, dtype=torch.float64))
    torch.testing.assert_close(u.std(0, correction=0), torch.ones(16, dtype=torch.float64))


@pytest.mark.slow
def test_projection_is_an_isometry_on_average() -> None:
    nodes, dim, draws = 50, 16, 10_000
    rng, mean, filled = np.random.default_rng(0), np.zeros((nodes, nodes)), 0
    for _ in range(draws):
        r = very_sparse(nodes, dim, rng).toarray()
        filled += np.count_nonzero(r)
        mean += r @ r.T / draws
    assert np.abs(np.diag(mean) - 1).max() < 4e-2
    assert np.abs(mean - np.diag(np.diag(mean))).max() < 1.5e-2
    assert filled / (draws * nodes * dim) == pytest.approx(1 / np.sqrt(nodes), rel=0.05)


def test_entries_of_the_projection_have_three_values() -> None:
    r = very_sparse(400, 16, np.random.default_rng(0)).toarray()
    s = np.sqrt(400)
    assert np.allclose(np.unique(r), [-np.sqrt(s / 16), 0, np.sqrt(s / 16)])


def test_rows_of_the_transition_matrix_sum_to_one(graph: Graph) -> None:
    np.testing.assert_allclose(transition(csr_array(graph.adjacency())).sum(axis=1), 1, rtol=1e-12)


def test_isolated_nodes_are_refused(graph: Graph) -> None:
    last = graph.nodes - 1
    lonely = Graph(
        "lonely", graph.edges[(graph.edges != last).all(axis=1)], graph.labels, graph.label_names, graph.node_names
    )
    with pytest.raises(ArchipelagoError, match="isolated"):
        FastRP(seed=1).take(lonely, 4)


def test_more_powers_than_weights_are_refused(graph: Graph) -> None:
    with pytest.raises(ArchipelagoError, match="5 powers"):
        FastRP(seed=1).take(graph, 5)


@pytest.mark.parametrize("normalise_rows", [True, False])
def test_relabelling_nodes_permutes_the_embedding(
    graph: Graph, normalise_rows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    r = very_sparse(50, 16, np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(50)  # node i of the relabelled graph was node order[i]
    number = np.argsort(order)
    edges = np.sort(number[graph.edges], axis=1)
    relabelled = Graph("relabelled", edges, graph.labels[order], graph.label_names, graph.node_names)

    def embed(graph: Graph, r: np.ndarray) -> Tensor:
        method = FastRP(alpha4=3.0, beta=-0.5, normalise_rows=normalise_rows, dim=16, seed=1).double()
        monkeypatch.setattr(method, "projection", lambda rng: r)
        method.take(graph, 4)
        return method.embed()

    torch.testing.assert_close(embed(relabelled, r[order]), embed(graph, r)[order], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("normalise_rows", [True, False])
def test_blocks_of_columns_concatenate_to_the_whole(graph: Graph, normalise_rows: bool) -> None:
    serial = weighted_sum(FastRP(**ALPHAS, beta=-0.5, normalise_rows=normalise_rows, dim=16, seed=1), graph)

    # Three workers, each with its own columns of one R; what they exchange is the sum of n numbers once a power.
    adjacency = csr_array(graph.adjacency())
    matrix, weights = transition(adjacency), degree_weights(adjacency, -0.5)
    r = very_sparse(50, 16, numpy_stream(1, "projection")).toarray() * weights[:, None]
    powers = [torch.from_numpy(block) for block in np.split(r, [5, 11], axis=1)]
    totals = [torch.zeros_like(power) for power in powers]
    for alpha in (*ALPHAS["alphas"], ALPHAS["alpha4"]):
        powers = [torch.from_numpy(matrix @ power.numpy()) for power in powers]
        norms = sum(power.square().sum(1) for power in powers) if normalise_rows else None
        for total, power in zip(totals, powers, strict=True):
            add_power(total, power, alpha, norms)
    torch.testing.assert_close(torch.cat(totals, dim=1), serial, rtol=1e-12, atol=1e-13)


def test_distances_between_rows_are_preserved() -> None:
    graph = planted_partition(500, 20, 5, within=0.6, seed=0)
    method = FastRP(alphas=(1, 0, 0), beta=-0.5, normalise_rows=False, dim=512, seed=1)
    projected = weighted_sum(method, graph, rounds=1)
    adjacency = csr_array(graph.adjacency())
    exact = torch.from_numpy(transition(adjacency).toarray() * degree_weights(adjacency, -0.5))
    ratio = (torch.pdist(projected) / torch.pdist(exact)) ** 2
    assert ((ratio - 1).abs() <= 0.25).double().mean() >= 0.95


def test_svd_is_the_best_approximation_of_the_similarity(graph: Graph) -> None:
    u = weighted_sum(FastRPSVD(**ALPHAS, beta=-0.6, dim=8, seed=1), graph, rounds=1)
    a = graph.adjacency().toarray()
    left, values, _ = np.linalg.svd(similarity(graph, a / a.sum(axis=1, keepdims=True), -0.6))
    expected = (left[:, :8] * values[:8]) @ left[:, :8].T
    np.testing.assert_allclose((u @ u.T).numpy(), expected, rtol=1e-4, atol=1e-4 * values[0])


def test_a_run_killed_after_the_second_power_ends_bit_for_bit_the_same(
    graph: Graph, train: Callable[..., pd.DataFrame]
) -> None:
    class Killed(FastRP):
        def step(self, k: int) -> None:
            if k == 3:
                raise KeyboardInterrupt
            super().step(k)

    common = {**ALPHAS, "dim": 16, "seed": 1}
    whole = FastRP(**common)
    whole.take(graph, 4)
    with pytest.raises(SystemExit):
        train(Killed(**common), graph, 4)
    resumed, steps = FastRP(**common), []
    original = resumed.step
    resumed.step = lambda k: (steps.append(k), original(k))  # type: ignore[method-assign, func-returns-value]
    records = train(resumed, graph, 4)
    assert steps == [3, 4]
    assert torch.equal(resumed.finish(), whole.embed())
    assert records["macro_f1"].notna().sum() == 4
