"""What is read from a run's folder, and how its specification is laid flat."""

import math

import pandas as pd
import pytest

from archipelago.errors import ArchipelagoError
from archipelago.tracking.runs import TrackedRun, legal, mean, parameters, read_records


def make_run(folder, rows, key="a"):
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_parquet(folder / "records.parquet")
    return TrackedRun("arm", "", 1, "desk", key, {}, folder, "d")


def test_a_metric_that_is_not_recorded_in_a_round_has_no_point_there(tmp_path):
    rows = [{"round": 1, "loss": 2.0}, {"round": 2, "loss": 1.0, "accuracy": 0.5}]
    (records,) = read_records([make_run(tmp_path, rows)])
    assert records.curves == {"loss": {1: 2.0, 2: 1.0}, "accuracy": {2: 0.5}}


def test_rows_of_one_round_are_told_apart_by_their_index_columns(tmp_path):
    rows = [{"round": 1, "cpu_seconds": 3.0, "purity": 0.4}]
    rows += [{"round": 1, "shuffle": s, "labels": part, "f1": s + part} for s in (0, 1) for part in (0.1, 0.9)]
    (records,) = read_records([make_run(tmp_path, rows)])
    assert records.curves.keys() == {
        "cpu_seconds",
        "purity",
        *(f"f1/shuffle {s}/labels {part}" for s in (0, 1) for part in (0.1, 0.9)),
    }
    assert records.curves["f1/shuffle 1/labels 0.9"] == {1: 1.9}


def test_a_run_with_few_rows_names_its_metrics_like_the_others(tmp_path):
    many = [{"round": 1, "shuffle": s, "f1": 0.5} for s in (0, 1)]
    runs = [make_run(tmp_path / "many", many, "m"), make_run(tmp_path / "few", many[:1], "f")]
    assert read_records(runs)[1].curves == {"f1/shuffle 0": {1: 0.5}}


def test_of_texts_the_last_stays(tmp_path):
    rows = [{"round": 1, "attack": "sign"}, {"round": 2, "attack": "noise"}]
    (records,) = read_records([make_run(tmp_path, rows)])
    assert records.texts == {"attack": "noise"}
    assert records.curves == {}


def test_missing_records_are_an_error_that_names_the_run(tmp_path):
    with pytest.raises(ArchipelagoError, match="run abc "):
        read_records([TrackedRun("arm", "", 1, "desk", "abc", {}, tmp_path, "d")])


def test_a_mean_is_over_the_runs_that_recorded_and_finite_only_if_all_are():
    curves = mean([{"a": {1: 1.0, 2: 4.0}}, {"a": {1: 3.0, 3: math.inf}}])
    assert curves == {"a": {1: 2.0, 2: 4.0, 3: math.inf}}


def test_a_specification_is_laid_flat_without_init_args():
    scheme = {"class_path": "p.Dirichlet", "init_args": {"alpha": 0.3, "classes": [1, 2]}}
    spec = {"data": "digits", "partition": {"scheme": scheme, "clients": 20}, "model": None, "seed": 1}
    assert parameters(spec) == {
        "data": "digits",
        "partition.scheme": "p.Dirichlet",
        "partition.scheme.alpha": "0.3",
        "partition.scheme.classes": "[1, 2]",
        "partition.clients": "20",
        "model": "null",
        "seed": "1",
    }


def test_names_are_made_legal():
    assert legal("f1/labels=0.1 (µ)") == "f1/labels_0.1 _µ_"
