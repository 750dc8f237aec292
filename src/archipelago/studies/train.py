"""One run, from its order to its folder in the store."""

from __future__ import annotations

import platform
import resource
import shutil
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from archipelago.address.files import folder_aside, write_json
from archipelago.data.sets import load
from archipelago.errors import ArchipelagoError
from archipelago.partition.partition import Partition
from archipelago.randomness import stream_seed
from archipelago.studies.build import build
from archipelago.studies.fit import fit

WORK = Path("results/work")
"""Checkpoints of unfinished runs."""

GIVEN = {
    "feed": {"data", "partition", "rounds", "seed"},
    "method": {"model", "seed"},
    "model": set[str](),
    "partition.scheme": set[str](),
}
"""Arguments that the house gives itself, by component; a method gets a ``model`` if the run has one."""


def train(order: Mapping[str, Any], checkpoint_every: float) -> None:
    """Train a run and put ``records.parquet``, ``model.pt``, ``spec.json`` and ``cost.json`` into its folder.

    A run that is there already is left alone; one that was interrupted goes on from its last checkpoint.

    Args:
        order: ``key``; ``parts`` (what the key is made of, the specification among them); ``folder``; ``partition``
            (a path, or None).
        checkpoint_every: seconds between checkpoints.
    """
    folder = Path(order["folder"])
    if (folder / "records.parquet").exists():
        return
    work = WORK / order["key"]
    work.mkdir(parents=True, exist_ok=True)
    spec = order["parts"]["spec"]
    seed = spec["seed"]
    started = time.monotonic()
    # The order of a sum depends on the number of threads; runs in parallel use the cores better.
    torch.set_num_threads(1)
    feed = build(
        spec["feed"],
        "feed",
        data=load(spec["data"]),
        partition=Partition.load(Path(order["partition"])) if order["partition"] else None,
        rounds=spec["rounds"],
        seed=seed,
    )
    given = {"seed": seed}
    if "model" in spec:
        with torch.random.fork_rng():
            torch.manual_seed(stream_seed(seed, "init"))
            given["model"] = build(spec["model"], "model")
    method = build(spec["method"], "method", **given)
    frame, cpu_seconds = fit(
        method,
        feed,
        rounds=spec["rounds"],
        evaluate_every=spec["evaluate_every"],
        checkpoint=work / "round.ckpt",
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
        torch.save(method.result(), part / "model.pt")
        frame.to_parquet(part / "records.parquet", index=False)
    shutil.rmtree(work)


def train_all(orders: list[Mapping[str, Any]], study: str, checkpoint_every: float) -> None:
    """Train runs one after the other. One that fails does not keep the others from being trained.

    Raises:
        ArchipelagoError: at the end, if any failed; it names the first.
    """
    failed: dict[str, Exception] = {}
    for order in orders:
        try:
            train(order, checkpoint_every)
        except (ArchipelagoError, RuntimeError, ValueError, OSError) as error:
            traceback.print_exc()
            failed[order["key"]] = error
    if failed:
        first, reason = next(iter(failed.items()))
        told = reason if isinstance(reason, ArchipelagoError) else ArchipelagoError(repr(reason), key="runs")
        raise ArchipelagoError(
            f"{len(failed)} of {len(orders)} runs failed, the first is {first}: {told.problem}",
            study=study,
            key=told.key,
            remedy=told.remedy
            or "See the log; what was trained is kept, and the next call goes on from the last checkpoints.",
        ) from reason
