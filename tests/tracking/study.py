"""A study as the tracking step sees it: runs' records, a figure, a config, verdicts; and what a store holds of it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pandas as pd
from PIL import Image

from archipelago.tracking import DEFAULT_URI, TrackedRun, track
from archipelago.tracking.store import connect

SPEC = {
    "data": "fashion_mnist",
    "method": {"class_path": "archipelago.methods.federated.fedavg.FedAvg", "init_args": {"lr": 0.1}},
    "rounds": 3,
}
STORE = Path("results/store/mlflow")
WIDTH = 40


def picture() -> bytes:
    """A picture of that width, as PNG."""
    file = BytesIO()
    Image.new("RGB", (WIDTH, 30), "teal").save(file, "png")
    return file.getvalue()


PICTURE = picture()


def make_run(root, arm, seed, *, condition="dirichlet", accuracy=(0.1, 0.5, 0.75), key=None):
    key = key or hashlib.sha256(f"{arm}{condition}{seed}".encode()).hexdigest()[:20]
    folder = root / "results/store/runs" / key
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"round": i, "accuracy": a, "wire_bytes": 1000.0} for i, a in enumerate(accuracy, 1)]
    pd.DataFrame(rows).to_parquet(folder / "records.parquet")
    return TrackedRun(arm, condition, seed, "desk", key, {**SPEC, "seed": seed}, folder, "d4" * 32, "a7" * 32)


def make_runs(root, arms=("fedavg", "fedspeed"), seeds=(1, 2), rounds=3):
    def curve(seed):
        return [0.1, *[0.5] * (rounds - 2), 0.5 + seed / 10]

    return [make_run(root, arm, seed, accuracy=curve(seed)) for arm in arms for seed in seeds]


def make_study(root, verdict="supported"):
    config = root / "config/studies/fedspeed.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("title: FedSpeed\n")
    verdicts = {"hypotheses": {"H1": {"verdict": verdict, "reason": "the interval lies above 0"}}}
    facts = {"slug": "fedspeed", "title": "FedSpeed", "claim": "Larger local intervals", "config": config}
    return {**facts, "commit": "c0ffee", "verdicts": verdicts, "view": "desk"}


def make_figures(root):
    figure = root / "results/store/figures/ab/curves.png"
    figure.parent.mkdir(parents=True, exist_ok=True)
    figure.write_bytes(PICTURE)
    return [figure]


def log(root, runs, uri=DEFAULT_URI, *, wait=0.0, sweep="", **study):
    return track(make_study(root, **study), runs, make_figures(root), uri, root, wait=wait, sweep=sweep)


@contextmanager
def opened(root, uri=DEFAULT_URI) -> Iterator:
    store = connect(uri, root)
    yield store, list(store.runs(store.experiment("fedspeed/desk")))


def by_level(runs, level):
    return {run.info.run_name: run for run in runs if run.data.tags["level"] == level}


def all_runs_ever(root):
    """Also the deleted ones."""
    store = connect(DEFAULT_URI, root)
    return store.client.search_runs([store.experiment("fedspeed/desk")], run_view_type=3)
