"""Skip-gram over walks: the same on every machine and after every kill; its parts are timed."""

import os
import subprocess
import sys
from collections.abc import Callable

import pandas as pd
import pytest
import torch

from archipelago.data.graphs import Graph
from archipelago.methods.graphs.deepwalk import DeepWalk
from archipelago.methods.graphs.node2vec import Node2Vec

SMALL = {"dim": 8, "walks": 4, "length": 10, "window": 3, "seed": 1}


def embedded(method: DeepWalk, graph: Graph, rounds: int = 2) -> torch.Tensor:
    method.take(graph, rounds)
    return method.embed()


def test_one_worker_is_deterministic_and_the_seed_matters(graph: Graph) -> None:
    first = embedded(DeepWalk(**SMALL), graph)
    assert torch.equal(first, embedded(DeepWalk(**SMALL), graph))
    assert not torch.equal(first, embedded(DeepWalk(**{**SMALL, "seed": 2}), graph))


def test_an_epoch_begins_from_the_buffers_alone(graph: Graph) -> None:
    first = DeepWalk(**SMALL)
    first.take(graph, 2)
    first.advance(1)
    second = DeepWalk(**SMALL)
    second.take(graph, 2)
    second.load_state_dict(first.state_dict())
    second.advance(2)
    assert torch.equal(second.finish(), embedded(DeepWalk(**SMALL), graph))


def test_training_brings_neighbours_together(graph: Graph) -> None:
    u = torch.nn.functional.normalize(embedded(DeepWalk(**{**SMALL, "walks": 40, "length": 20}), graph, 5), dim=1)
    similarity = u @ u.T
    same = torch.from_numpy(graph.labels)[:, None] == torch.from_numpy(graph.labels)
    assert similarity[same].mean() > similarity[~same].mean() + 0.1


def test_node2vec_with_p_and_q_one_walks_as_far_as_deepwalk(graph: Graph) -> None:
    assert embedded(Node2Vec(**SMALL), graph).shape == (50, 8)
    assert not torch.equal(embedded(Node2Vec(**SMALL, q=0.25), graph), embedded(Node2Vec(**SMALL, q=4.0), graph))


def test_walks_and_training_are_timed_apart(graph: Graph, train: Callable[..., pd.DataFrame]) -> None:
    row = train(Node2Vec(**SMALL, q=0.25), graph, 2).iloc[0]
    assert row["walk_seconds"] > 0
    assert row["train_seconds"] > 0
    assert row["walk_seconds"] + row["train_seconds"] <= row["cpu_seconds"]
    assert row["q"] == 0.25


PROGRAM = """
from archipelago.data.synthetic import planted_partition
from archipelago.methods.graphs.deepwalk import DeepWalk
method = DeepWalk(dim=8, walks=4, length=10, window=3, seed=1)
method.take(planted_partition(50, 6, 2, within=0.8, seed=0), 2)
print(method.embed().double().sum().item())
"""


@pytest.mark.slow
def test_hashing_of_the_process_does_not_matter() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] != ""
