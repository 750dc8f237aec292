"""One run, from its order to its folder in the store."""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from archipelago.address.files import folder_aside, write_json
from archipelago.data.sets import load
from archipelago.partition.partition import Partition
from archipelago.randomness import stream_seed
from archipelago.studies.build import build
from archipelago.studies.fit import fit

WORK = Path("results/work")
"""Checkpoints of unfinished runs."""


def train(order: Mapping[str, Any], checkpoint_every: float) -> None:
    """Train a run and put its records, its model, its specification, its cost and its origin into its folder.

    One that was interrupted goes on from its last checkpoint.

    Args:
        order: ``key``; ``parts`` (what the key is made of, the specification among them); ``folder``; ``partition``
            (a path, or None); ``origin`` (the code that trains it).
        checkpoint_every: seconds between checkpoints.
    """
    folder = Path(order["folder"])
    spec = order["parts"]["spec"]
    seed = spec["seed"]
    started = time.monotonic()
    # The order of a sum depends on the number of threads; runs in parallel use the cores better.
    torch.set_num_threads(1)
    feed = build(
        spec["feed"],
        data=load(spec["data"]),
        partition=Partition.load(Path(order["partition"])) if order["partition"] else None,
        rounds=spec["rounds"],
        seed=seed,
    )
    given = {"seed": seed}
    if "model" in spec:
        with torch.random.fork_rng():
            torch.manual_seed(stream_seed(seed, "init"))
            given["model"] = build(spec["model"])
    method = build(spec["method"], **given)
    frame, cpu_seconds = fit(
        method,
        feed,
        rounds=spec["rounds"],
        evaluate_every=spec["evaluate_every"],
        checkpoint=WORK / order["key"] / "round.ckpt",
        checkpoint_every=checkpoint_every,
    )
    with folder_aside(folder) as part:
        write_json(part / "spec.json", {"key": order["key"], **order["parts"]})
        cost = {
            "cpu_seconds": round(cpu_seconds, 2),
            "wall_seconds": round(time.monotonic() - started, 2),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "machine": platform.machine(),
        }
        write_json(part / "cost.json", cost)
        write_json(part / "origin.json", order["origin"])
        with (part / "model.pt").open("wb") as file:
            torch.save(method.result(), file)
        frame.to_parquet(part / "records.parquet", index=False, write_page_checksum=True)
