"""Faults are counted: a test notes what it broke, when, and what came of it; the table is printed at the end."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from archipelago.address.files import read_json
from archipelago.address.sums import SUMS, check_sums
from tests.machine import cannot, root
from tests.pipeline.conftest import Project, copy_project

ONE_RUN = ("arms=fedprox", "conditions=plain", "seeds=[1]")
ROUNDS = 6
FILES = {"records.parquet", "model.pt", "spec.json", "cost.json", "origin.json"}

Note = Callable[[str, str, str], None]


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """Count a fault: what was broken, at which moment, and the outcome."""
    return lambda fault, moment, outcome: record_property("fault", [fault, moment, outcome])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of faults x outcome with counts."""
    counts = Counter(
        tuple(value)
        for reports in (terminalreporter.stats.get(kind, []) for kind in ("passed", "failed"))
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == "fault"
    )
    if counts:
        terminalreporter.section("faults x outcome")
        terminalreporter.line("| fault | moment | outcome | times |\n| --- | --- | --- | ---: |")
        for row, times in counts.items():
            terminalreporter.line(f"| {' | '.join(row)} | {times} |")


@dataclass
class Trainer:
    """One run of the tiny study, attempted by children of a process that has imported everything (`warm.py`)."""

    project: Project
    process: subprocess.Popen[str]
    order: dict[str, Any]
    messages: Path
    """What attempts printed on the terminal."""

    def attempt(self, **request: Any) -> dict[str, Any]:
        """Train the run; ``after`` so many seconds, or ``at`` a point, the process is killed."""
        assert self.process.stdin
        assert self.process.stdout
        self.messages.write_text("")
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    @property
    def folder(self) -> Path:
        """The run's folder in the store."""
        return self.project.root / self.order["folder"]

    @property
    def checkpoint(self) -> Path:
        """Its checkpoint while it trains."""
        return self.project.root / "results/work" / self.order["key"] / "round.ckpt"

    @property
    def points(self) -> dict[str, int]:
        """How often the last attempt that ended by itself came to each point."""
        return read_json(self.messages.with_name("points.json"))

    def left(self) -> str:
        """What the last attempt left where it counts; it is whole."""
        if self.folder.exists():
            check_whole(self.folder)
            return "the run is there, whole"
        if self.checkpoint.exists():
            with zipfile.ZipFile(self.checkpoint) as archive:
                assert archive.testzip() is None
            torch.load(self.checkpoint, weights_only=True)
            return "goes on from a whole checkpoint"
        return "begins anew"

    def finish(self, reference: Path) -> None:
        """Check that the run is as the reference and that nothing is left of its attempts; take it away."""
        check_equal(self.folder, reference)
        assert {path.name for path in self.folder.iterdir()} == {*FILES, SUMS}
        check_sums(self.folder, *FILES)
        assert list((self.project.root / "results/work").iterdir()) == []
        assert list(self.folder.parent.iterdir()) == [self.folder]
        shutil.rmtree(self.folder)


def check_whole(folder: Path) -> None:
    """Read every file of a run's folder."""
    assert {path.name for path in folder.glob("[!.]*")} - {SUMS} == FILES
    assert all(read_json(path) for path in folder.glob("*.json"))
    torch.load(folder / "model.pt", weights_only=True)
    assert len(pd.read_parquet(folder / "records.parquet")) == ROUNDS


def check_equal(one: Path, other: Path) -> None:
    """Compare the numbers in two folders of a run, bit for bit."""
    records = [pd.read_parquet(folder / "records.parquet") for folder in (one, other)]
    pd.testing.assert_frame_equal(*records, check_exact=True)
    first, second = (torch.load(folder / "model.pt", weights_only=True) for folder in (one, other))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@contextmanager
def warm(project: Project, messages: Path) -> Iterator[Trainer]:
    """Prepare data and partition in a project, and start the process that attempts its run."""
    command = [sys.executable, str(Path(__file__).with_name("warm.py")), str(project.root), str(messages), *ONE_RUN]
    with subprocess.Popen(
        command, env=project.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            answers = (line for line in process.stdout if line.startswith("{"))
            yield Trainer(project, process, json.loads(next(answers))["order"], messages)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """A trainer in a project of its own."""
    place = tmp_path_factory.mktemp("trainer")
    with warm(copy_project(place / "project"), place / "messages") as trainer:
        yield trainer


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody disturbed: its folder, how many seconds it took, and the points it came to."""

    folder: Path
    seconds: float
    points: dict[str, int]


@pytest.fixture(scope="session")
def undisturbed(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What all others are compared with."""
    done = trainer.attempt()
    assert done["ended"] == 0, trainer.messages.read_text()
    folder = tmp_path_factory.mktemp("undisturbed") / trainer.folder.name
    trainer.folder.rename(folder)
    return Undisturbed(folder, done["seconds"], trainer.points)


class Disk:
    """A small disk of its own."""

    def __init__(self, place: Path) -> None:
        self.place, self.ballast = place, place / "ballast"

    def leave(self, kilobytes: int) -> None:
        """Fill it up, but for so much."""
        with self.ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
        os.truncate(self.ballast, self.ballast.stat().st_size - 1024 * kilobytes)

    def free(self) -> None:
        """Make room again."""
        self.ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 32 MB, unmounted at the end."""
    root("a small disk is mounted")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", place], check=False).returncode:
        cannot("no disk can be mounted here")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
