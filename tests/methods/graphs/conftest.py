"""A graph small enough for a unit test, and a way to embed it without a trainer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from archipelago.data.graphs import Graph
from archipelago.data.synthetic import planted_partition
from archipelago.methods.graphs.embedding import NodeEmbedding
from archipelago.methods.graphs.feed import GraphFeed
from archipelago.studies.fit import fit


def connected(nodes: int, mean_degree: float, blocks: int = 2) -> Graph:
    """The largest component of a planted partition."""
    return planted_partition(nodes, mean_degree, blocks, within=0.8, seed=0).largest_component()


@pytest.fixture
def graph() -> Graph:
    """50 nodes with degrees that differ."""
    found = connected(50, 6)
    assert found.nodes == 50
    assert len(np.unique(found.adjacency().sum(axis=0))) > 3
    return found


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., pd.DataFrame]:
    """Train a method on a graph as the workflow does, saving after every round; return its records."""

    def run(method: NodeEmbedding, graph: Graph, rounds: int, **how: Any) -> pd.DataFrame:
        feed = GraphFeed(graph, rounds, method.seed, **{"fractions": [0.2, 0.5], "shuffles": 2, **how})
        checkpoint = tmp_path / "round.ckpt"
        return fit(method, feed, rounds=rounds, evaluate_every=rounds, checkpoint=checkpoint, checkpoint_every=0.0)[0]

    return run
