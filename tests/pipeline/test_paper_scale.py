"""The paper scale's first round runs: every arm as configured, on data that are here and cut to a size for a test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archipelago.address.keys import key_of
from archipelago.data.prepare import prepare
from archipelago.partition.make import make_partition
from archipelago.studies.study import Selection, Study, merge
from archipelago.studies.train import train

ROOT = Path(__file__).parents[2]

CUT = {
    "fedspeed": {
        "data": "digits",
        "partition": {"clients": 5, "samples": 60},
        "model": {"init_args": {"channels": 1}},
        "feed": {"init_args": {"participation": 0.4}},
        "method": {"init_args": {"local_epochs": 1}},
    },
    "monna": {
        "data": "fashion_mnist",
        "partition": {"clients": 3, "samples": 600},  # the honest peers
        "model": {"init_args": {"channels": 1, "side": 28}},
    },
    "fastrp": {
        "data": "debian_debtags_small",
        "feed": {"init_args": {"shuffles": 1, "fractions": [0.1]}},
        "method": {"init_args": {"dim": 16}},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("slug", sorted(CUT))
def test_the_first_round_of_every_arm_runs(slug, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = Study(ROOT / f"config/studies/{slug}.yaml")
    cells = {cell.arm: cell for cell in reversed(study.cells(Selection("paper", seeds=(1,))))}
    assert cells
    for arm, cell in cells.items():
        spec = merge(cell.spec, CUT[slug])
        if spec["method"]["init_args"].get("byzantine"):
            spec["method"]["init_args"]["byzantine"] = 1
        if slug != "fastrp":  # whose rounds are few, and make one embedding
            spec = merge(spec, {"rounds": 1, "evaluate_every": 1})
        folder = prepare(spec["data"])
        order = {"key": key_of(spec), "parts": {"spec": spec}, "folder": str(tmp_path / arm), "partition": None}
        order["origin"] = {}
        if "partition" in spec:
            partition = make_partition(spec["partition"], np.load(folder / "train_labels.npy"), spec["seed"])
            partition.save(tmp_path / "partition.npz")
            order["partition"] = str(tmp_path / "partition.npz")
        train(order, 1e9)
        assert len(pd.read_parquet(tmp_path / arm / "records.parquet")) > 0
