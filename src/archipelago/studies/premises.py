"""What the workflow needs of the machine under it: room on the disk, and a lock that only the living hold."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from archipelago.errors import ArchipelagoError

FULL = (errno.ENOSPC, errno.EDQUOT)
LEAST_ROOM = 1 << 20
"""Bytes without which nothing is begun: Snakemake's own notes need some of them."""


def begin(root: Path = Path()) -> None:
    """Check that the project can be written to, and lift the lock of a snakemake that was killed.

    Snakemake's lock is a file that outlives its process. The one taken here is given back by the system when its
    holder dies, so whoever has it to himself is alone in this project, and locks that lie there are nobody's. Others
    may begin meanwhile; whether they are in each other's way is Snakemake's business.

    Raises:
        ArchipelagoError: the disk is full, or the project cannot be written to.
    """
    # Snakemake's log lies in the project: where it cannot be written, one message is enough, and it is not that.
    logging.raiseExceptions = False
    for folder in (root, root / "results", root / "results" / "store"):
        if folder.is_dir():
            _check_writable(folder)
    state = root / ".snakemake"
    state.mkdir(exist_ok=True)
    alive = os.open(state / "alive", os.O_WRONLY | os.O_CREAT, 0o644)  # until this process ends
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stale := list((state / "locks").glob("*.lock")):
            print("A snakemake was killed here; its lock is lifted.", file=sys.stderr)
            for lock in stale:
                lock.unlink(missing_ok=True)
        fcntl.flock(alive, fcntl.LOCK_SH)
    except BlockingIOError:
        fcntl.flock(alive, fcntl.LOCK_SH)
    except OSError:
        pass  # a file system without such locks: what Snakemake's own are there for, a user must judge


def _check_writable(folder: Path) -> None:
    probe = folder / f".probe-{os.getpid()}"
    try:
        try:
            probe.write_bytes(bytes(LEAST_ROOM))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        if is_full(error):
            raise full([folder]) from error
        raise ArchipelagoError(
            f"{folder.resolve()} cannot be written to ({error.strerror})",
            key="results",
            remedy="Make it writable, or work in a clone of your own.",
        ) from error


def is_full(error: BaseException | None) -> bool:
    """Whether a full disk, or a quota, is behind an error, however deep."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return True
    return is_full(error.__cause__ or error.__context__)


def full(places: Iterable[Path], study: str | None = None) -> ArchipelagoError:
    """The message about a full disk. It names that of the places (and of temporary files) which has the least room."""
    free = {}
    for place in (*places, Path(tempfile.gettempdir())):
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        free[there] = shutil.disk_usage(there).free
    place, least = min(free.items(), key=lambda item: item[1])
    return ArchipelagoError(
        f"the disk is full, or your quota: {place.resolve()} has {least / 1e6:.1f} MB left",
        study=study,
        key="results",
        remedy="Make room (`archipelago keys --collect` deletes what no config asks for) and give the same command "
        "again: what was computed is kept, and training goes on from its last checkpoints.",
    )
