"""The project as it stands and as its commits have it: which of these states gives a run its key.

A key holds a run's config, code, partition and data. A state that gives a run the same key therefore shows all of them;
no other proof is needed. Versions of other packages are in the key, too, and git knows nothing of what is installed: a
run that was trained with other versions has its key from no commit here.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from archipelago.address.closure import Closure, CodeBase
from archipelago.errors import ArchipelagoError
from archipelago.studies.plan import Plan, Run, StudyPlan
from archipelago.studies.study import read_yaml

Names = tuple[str, str, int]
"""Arm, condition and seed."""


def names(row: Mapping[str, Any]) -> Names:
    """What a study calls a run."""
    return row["arm"], row["condition"], row["seed"]


def seeds(rows: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    """The seeds of some runs."""
    return tuple(sorted({row["seed"] for row in rows}))


@dataclass(frozen=True)
class State:
    """The files of a commit, or the working files (``commit`` is None), under ``root``."""

    commit: str | None
    root: Path

    def __str__(self) -> str:
        return f"commit {self.commit[:12]}" if self.commit else "this checkout"


class History:
    """The states of a project, this checkout first, then commits from the newest to the oldest.

    Commits are unpacked beside each other into a folder that is gone when the ``with`` block ends.
    """

    def __init__(self, root: Path) -> None:
        self.here = State(None, root)
        self._config = read_yaml(root / "config" / "config.yaml")
        self._scratch = TemporaryDirectory(prefix="archipelago-history-")
        self.at = cache(self._at)
        """A commit's state; None if git does not know the commit."""
        self.plan = cache(self._plan)
        """A study's plan in a state, at a scale and with some seeds; None if the state has no such study or data."""
        self.runs = cache(self._runs)
        """The runs of that plan, those of the tuning included, by arm, condition and seed."""
        self.closure = cache(self._closure)
        """The closure of some modules in a state."""
        self._sources = cache(lambda state: CodeBase(state.root / "src", "archipelago"))

    def __enter__(self) -> History:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._scratch.cleanup()

    def states(self, likely: Iterable[str | None] = ()) -> Iterator[State]:
        """This checkout, then the commits that are ``likely``, then all that changed sources or configs."""
        yield self.here
        told = self._git("log", "--format=%H", "--", "src", "config").decode().split()
        for commit in dict.fromkeys([*filter(None, likely), *told]):
            if state := self.at(commit):
                yield state

    def giving(
        self, rows: Sequence[Mapping[str, Any]], slug: str, scale: str, likely: Iterable[str | None] = ()
    ) -> State | None:
        """The first state that gives every one of some runs its key; None if there is none.

        Args:
            rows: for each run its ``arm``, ``condition``, ``seed`` and ``key``.
            slug: the study that gives them these names.
            scale: the scale they were run at.
            likely: commits to be asked before the others.
        """
        for state in self.states(likely):
            runs = self.runs(state, slug, scale, seeds(rows))
            if all(names(row) in runs and runs[names(row)].key == row["key"] for row in rows):
                return state
        return None

    def _runs(self, state: State, slug: str, scale: str, with_seeds: tuple[int, ...]) -> dict[Names, Run]:
        plan = self.plan(state, slug, scale, with_seeds)
        rows = [*plan.rows, *plan.tuning_rows] if plan else []
        return {(row.cell.arm, row.cell.condition, row.cell.seed): row.run for row in rows}

    def _plan(self, state: State, slug: str, scale: str, with_seeds: tuple[int, ...]) -> StudyPlan | None:
        whole = {"arms": [], "conditions": [], "seeds": list(with_seeds)}
        try:
            return Plan({**self._config, **whole, "studies": [slug], "scale": scale}, state.root).study(slug)
        except ArchipelagoError:
            return None

    def _closure(self, state: State, roots: tuple[str, ...]) -> Closure:
        return self._sources(state).closure(roots)

    def _at(self, commit: str) -> State | None:
        packed = self._git("archive", "--format=tar", commit, "src", "config")
        if not packed:
            return None
        folder = Path(self._scratch.name) / commit
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(folder, filter="data")
        return State(commit, folder)

    def _git(self, *words: str) -> bytes:
        """What git prints; nothing where this is no git repository, or git does not know the commit."""
        return subprocess.run(["git", *words], cwd=self.here.root, capture_output=True, check=False).stdout
