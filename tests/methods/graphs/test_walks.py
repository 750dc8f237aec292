"""Walks go along edges, with the probabilities that their papers state."""

from collections import Counter

import numpy as np
import pytest
from scipy.sparse import csr_array

from archipelago.data.graphs import Graph
from archipelago.methods.graphs.walks import second_order_walks, uniform_walks


@pytest.fixture
def adjacency(graph: Graph) -> csr_array:
    return csr_array(graph.adjacency())


def test_walks_start_everywhere_and_follow_edges(adjacency: csr_array) -> None:
    for walks in (
        uniform_walks(adjacency, 3, 10, np.random.default_rng(0)),
        second_order_walks(adjacency, 3, 10, 1.0, 0.25, np.random.default_rng(0)),
    ):
        assert walks.shape == (150, 10)
        assert np.bincount(walks[:, 0]).tolist() == [3] * 50
        assert (adjacency.toarray()[walks[:, :-1], walks[:, 1:]] == 1).all()


def test_uniform_steps_are_uniform_over_neighbours(adjacency: csr_array) -> None:
    walks = uniform_walks(adjacency, 2000, 2, np.random.default_rng(0))
    steps = np.zeros((50, 50))
    np.add.at(steps, (walks[:, 0], walks[:, 1]), 1 / 2000)
    expected = adjacency.toarray() / adjacency.sum(axis=1)[:, None]
    assert np.abs(steps - expected).max() < 0.06  # 5 standard errors


@pytest.mark.parametrize(("p", "q"), [(1.0, 0.25), (0.5, 4.0), (1.0, 1.0)])
def test_second_order_steps_have_the_probabilities_of_node2vec(adjacency: csr_array, p: float, q: float) -> None:
    walks = second_order_walks(adjacency, 5000, 3, p, q, np.random.default_rng(0))
    a = adjacency.toarray()
    (t, v), count = Counter(map(tuple, walks[:, :2].tolist())).most_common(1)[0]
    weights = a[v] * np.where(np.arange(50) == t, 1 / p, np.where(a[t] == 1, 1, 1 / q))
    came = walks[(walks[:, :2] == (t, v)).all(axis=1), 2]
    frequencies = np.bincount(came, minlength=50) / count
    assert np.abs(frequencies - weights / weights.sum()).max() < 2.5 / np.sqrt(count)


def test_q_moves_walks_outwards_or_keeps_them_near(adjacency: csr_array) -> None:
    def returns(q: float) -> float:
        walks = second_order_walks(adjacency, 200, 3, 1.0, q, np.random.default_rng(0))
        near = (walks[:, 0] == walks[:, 2]) | (adjacency.toarray()[walks[:, 0], walks[:, 2]] == 1)
        return near.mean()

    assert returns(0.25) < returns(1.0) < returns(4.0)
