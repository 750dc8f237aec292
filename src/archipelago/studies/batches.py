"""The runs of a batch, one after the other: what may happen around a training that must not change its numbers.

Nothing here is part of a run's key, so it may grow without a run being trained again.
"""

from __future__ import annotations

import shutil
import subprocess
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import archipelago
from archipelago.address.closure import Closure, CodeBase
from archipelago.address.files import alone
from archipelago.address.sums import SUMS, write_sums
from archipelago.data.prepare import verify
from archipelago.errors import ArchipelagoError
from archipelago.studies.premises import full, is_full
from archipelago.studies.train import WORK, train


def train_all(orders: list[Mapping[str, Any]], study: str, checkpoint_every: float) -> None:
    """Train those runs that are not there. One that fails does not keep the others from being trained.

    Args:
        orders: see ``archipelago.studies.train.train``, with the ``roots`` of its code instead of the ``origin``.
        study: for messages.
        checkpoint_every: seconds between checkpoints.

    Raises:
        ArchipelagoError: at the end, if any failed; it names the first. At once, if the disk is full.
    """
    failed: dict[str, Exception] = {}
    for order in orders:
        try:
            train_once(order, checkpoint_every)
        except Exception as error:
            traceback.print_exc()
            if is_full(error):
                raise full([Path(order["folder"]), WORK], study) from error
            failed[order["key"]] = error
    if failed:
        first, reason = next(iter(failed.items()))
        told = _told(reason)
        raise ArchipelagoError(
            f"{len(failed)} of {len(orders)} runs failed, the first is {first}: {told.problem}",
            study=study,
            key=told.key,
            remedy=told.remedy
            or "See the log; what was trained is kept, and the next call goes on from the last checkpoints.",
        ) from reason


def _told(reason: Exception) -> ArchipelagoError:
    if isinstance(reason, ArchipelagoError):
        return reason
    return ArchipelagoError(repr(reason), key="runs")


def train_once(order: Mapping[str, Any], checkpoint_every: float) -> None:
    """Train a run unless it is there, and clean up after it and after those who were killed at it.

    Two processes that are given the same run (a job that was thought dead, say) train it one after the other, so the
    second finds it done.
    """
    folder, lock = Path(order["folder"]), WORK / f"{order['key']}.lock"
    with alone(lock):
        # What killed processes left: nobody else is at this run now.
        beside = folder.parent.glob(f".{folder.name}.*.part")
        for left in (*beside, *folder.glob(".*.part"), *(WORK / order["key"]).glob(".*.part")):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if not (folder / "records.parquet").exists():
            shutil.rmtree(folder, ignore_errors=True)  # a part of a run is none
            _sound(order["parts"]["spec"]["data"])
            train({**order, "origin": origin(order)}, checkpoint_every)
        if not (folder / SUMS).exists():
            write_sums(folder)
        shutil.rmtree(WORK / order["key"], ignore_errors=True)
        # Whoever still waits for the file that goes here, or makes a new one, finds the run done.
        lock.unlink(missing_ok=True)


def origin(order: Mapping[str, Any]) -> dict[str, Any]:
    """Where the code of a run comes from: the commit, and the modules and packages that its key holds.

    Raises:
        ArchipelagoError: the sources were changed after the run had been given its key.
    """
    closure, commit, dirty = _sources(tuple(order["roots"]))
    if closure.key != order["parts"]["code"]:
        raise ArchipelagoError(
            "the code was changed after snakemake had read it",
            key="code",
            remedy="Give the same command again: the run has another key now.",
        )
    return {"commit": commit, "dirty": dirty, **asdict(closure)}


@cache
def _sound(data: str) -> None:
    """Hash a data set, once a process: opening it only maps its files into memory."""
    verify(data)


@cache
def _sources(roots: tuple[str, ...]) -> tuple[Closure, str, bool]:
    """The code of some modules as it stands, the commit, and whether the sources differ from it."""
    closure = CodeBase(Path(archipelago.__file__).parents[1], "archipelago").closure(roots)
    return closure, _git("rev-parse", "HEAD") or "not in git", bool(_git("status", "--porcelain", "src"))


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
