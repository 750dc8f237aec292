"""How embeddings are judged: splits, heads, F1, neighbours."""

from collections.abc import Callable

import pandas as pd
import pytest
import torch

from archipelago.data.graphs import Graph
from archipelago.methods.graphs.embedding import standardise
from archipelago.methods.graphs.fastrp import FastRP
from archipelago.methods.graphs.feed import LabelSplits
from archipelago.methods.graphs.scores import classify, indicator, neighbour_purity, predict


def test_splits_are_disjoint_nested_and_none_is_the_tuning_split(graph: Graph) -> None:
    splits = LabelSplits(graph, [0.1, 0.3], shuffles=3, seed=0)
    found = list(splits)
    assert [(s.shuffle, s.labels) for s in found] == [(1, 0.1), (1, 0.3), (2, 0.1), (2, 0.3), (3, 0.1), (3, 0.3)]
    for low, high in zip(found[::2], found[1::2], strict=True):
        assert len(low.train) == 5
        assert set(low.train.tolist()) < set(high.train.tolist())
    for split in [*found, splits.tuning()]:
        assert sorted(split.train.tolist() + split.test.tolist()) == list(range(50))
    assert all(not torch.equal(split.train, splits.tuning().train) for split in found)


def test_tuning_split_is_the_same_for_all_seeds_and_the_others_are_not(graph: Graph) -> None:
    one, two = (LabelSplits(graph, [0.1], shuffles=1, seed=seed) for seed in (1, 2))
    assert torch.equal(one.tuning().train, two.tuning().train)
    assert not torch.equal(next(iter(one)).train, next(iter(two)).train)


def test_as_many_labels_are_predicted_as_a_node_has() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]])
    assert predict(scores, torch.tensor([2, 1])).tolist() == [[False, True, True], [True, False, False]]


@pytest.mark.parametrize("multiple", [False, True])
def test_separable_classes_score_100_and_noise_does_not(graph: Graph, multiple: bool) -> None:
    labels = torch.arange(50) % 3
    truth = indicator(labels)
    if multiple:
        truth = torch.cat([truth, truth[:, :1] | truth[:, 1:2]], dim=1)
    split = next(iter(LabelSplits(graph, [0.5], shuffles=1, seed=1)))
    features = standardise(truth.float() + 0.01 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0)))
    assert classify(features, truth, split, 1.0) == {"macro_f1": 100.0, "micro_f1": 100.0}
    noise = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    assert classify(noise, truth, split, 1.0)["macro_f1"] < 80


def test_purity_counts_neighbours_with_a_common_label() -> None:
    angles = torch.tensor([0.0, 0.1, 0.2, 3.0, 3.1, 3.2])
    embedding = torch.stack([angles.cos(), angles.sin()], dim=1)
    truth = torch.tensor([[1, 0], [1, 0], [1, 1], [0, 1], [0, 1], [1, 0]], dtype=torch.bool)
    assert neighbour_purity(embedding, truth, neighbours=2) == pytest.approx(100 * (6 + 1 + 1 + 0) / 12)


def test_constant_columns_are_standardised_to_zero() -> None:
    assert standardise(torch.tensor([[1.0, 5.0], [3.0, 5.0]])).tolist() == [[-1.0, 0.0], [1.0, 0.0]]


def test_records_of_a_run(graph: Graph, train: Callable[..., pd.DataFrame]) -> None:
    method = FastRP(alpha4=3.0, beta=-0.25, dim=8, repeats=3, seed=1)
    records = train(method, graph, 4)
    first = records.iloc[0]
    assert first[["alpha4", "beta"]].tolist() == [3.0, -0.25]
    assert first["c"] in (0.01, 0.1, 1.0)
    assert first["tuning_f1"] > 0
    assert first["peak_rss_mb"] > 50
    scored = records[records["macro_f1"].notna()]
    assert scored[["shuffle", "labels"]].values.tolist() == [[1, 0.2], [1, 0.5], [2, 0.2], [2, 0.5]]
    assert (records["cpu_seconds"].notna() == (records["repeat"].notna() | (records.index == 0))).all()
    assert records["cpu_seconds"].notna().sum() == 3
    assert method.result()["embedding"].shape == (50, 8)
