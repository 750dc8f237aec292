import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archipelago.data.synthetic import planted_partition
from archipelago.errors import ArchipelagoError


@settings(max_examples=30, deadline=None)
@given(
    nodes=st.integers(60, 200),
    mean_degree=st.floats(0.5, 6),
    blocks=st.integers(2, 4),
    within=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_counts_are_exact(nodes, mean_degree, blocks, within, seed):
    graph = planted_partition(nodes, mean_degree, blocks, within, seed)
    u, v = graph.edges.T
    total = round(nodes * mean_degree / 2)
    assert graph.nodes == nodes
    assert (u < v).all()
    assert len(np.unique(graph.edges, axis=0)) == len(graph.edges) == total
    assert (graph.labels[u] == graph.labels[v]).sum() == round(total * within)
    sizes = np.bincount(graph.labels, minlength=blocks)
    assert sizes.max() - sizes.min() <= 1


def test_edges_are_uniform_over_the_pairs():
    """Each pair inside a block is joined with equal probability: the mean count over seeds is within 6 deviations."""
    seeds, nodes = 400, 24
    count = np.zeros((nodes, nodes))
    for seed in range(seeds):
        graph = planted_partition(nodes, 4, 2, 0.5, seed)
        # Nodes in the order of their block, then number: a fixed place for each pair.
        rank = np.argsort(np.argsort(graph.labels, kind="stable"))
        ends = np.sort(rank[graph.edges], axis=1)
        np.add.at(count, (ends[:, 0], ends[:, 1]), 1)
    for block, pairs in ((count[:12, :12][np.triu_indices(12, 1)], 66 * 2), (count[:12, 12:].ravel(), 144)):
        p = 24 / pairs
        assert np.abs(block / seeds - p).max() < 6 * np.sqrt(p * (1 - p) / seeds)


def test_seed_decides():
    one, again, other = (planted_partition(100, 6, 4, 0.8, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.edges, again.edges)
    np.testing.assert_array_equal(one.labels, again.labels)
    assert not np.array_equal(one.edges, other.edges)
    assert not np.array_equal(one.labels, other.labels)


def test_more_edges_than_fit_are_refused():
    with pytest.raises(ArchipelagoError, match=r"over half of all pairs.*Lower mean_degree or blocks"):
        planted_partition(100, 20, 20, 0.8, 0)
