"""Files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def _aside(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")


def _sync(path: Path) -> None:
    """Have the disk, too, hold what was written, lest a machine that loses power keep a name without its content."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def write_aside(target: Path) -> Iterator[Path]:
    """Yield a path beside ``target`` to write a file to; it becomes ``target`` when the block ends without an error."""
    part = _aside(target)
    try:
        yield part
        _sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """Yield a folder beside ``target`` to fill; it becomes ``target``, whole, when the block ends without an error.

    If somebody else finished ``target`` meanwhile, theirs stays: under one address lies one content.
    """
    part = _aside(target)
    part.mkdir()
    try:
        yield part
        for path in (*part.rglob("*"), part):
            _sync(path)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait for all others who want this lock file; the system gives the lock back if its holder is killed."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_json(target: Path, content: Any) -> None:
    """Write readable JSON; not-a-number is refused."""
    with write_aside(target) as part:
        part.write_text(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text())
