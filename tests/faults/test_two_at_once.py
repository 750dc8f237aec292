"""Two snakemakes in one project."""

import re
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.conftest import ONE_RUN, Note, Undisturbed, check_equal
from tests.pipeline.conftest import Project, copy_project

pytestmark = pytest.mark.slow

COMMAND = ("snakemake", "--cores", "2", "--config", "studies=tiny", *ONE_RUN)


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in which nothing has run."""
    return copy_project(tmp_path / "project")


def test_two_with_nolock_do_not_hurt_each_other(project: Project, undisturbed: Undisturbed, note: Note):
    both = [start(project, "--nolock") for _ in range(2)]
    try:
        told = [process.communicate(timeout=900)[0] for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], "\n\n".join(told)
    # Snakemake deletes outputs before it makes them, but not those; the other one may be reading them.
    outputs = [line for text in told for line in re.findall(r"^    output: .*", text, re.MULTILINE)]
    assert outputs
    assert all(name.endswith("(update)") for line in outputs for name in line.split(": ")[1].split(", ")), outputs

    store = project.root / "results/store"
    check_equal(store / "runs" / undisturbed.folder.name, undisturbed.folder)
    assert [len(list((store / kind).iterdir())) for kind in ("runs", "evaluations", "figures", "partitions")] == [1] * 4
    with sqlite3.connect(store / "mlflow/mlflow.db") as tracked:
        assert tracked.execute("select count(*) from runs").fetchone() == (3,)  # the study, its arm, its seed
    assert list((project.root / "results").rglob("*.part")) == []
    told = start(project).communicate(timeout=600)[0]
    assert "Nothing to be done" in told
    note("two snakemakes at once", "with --nolock", "both end well, each thing is there once")


def test_the_second_is_refused_and_the_first_goes_on(project: Project, note: Note):
    first = start(project, "--until", "partition")
    try:
        while not any((project.root / ".snakemake").glob("locks/*.output.lock")):
            assert first.poll() is None
            time.sleep(0.01)
        refused = project.run(*COMMAND, ok=False)
        assert "Please make sure that no other Snakemake process is trying to create the same files" in refused
        told = first.communicate(timeout=600)[0]
        assert first.returncode == 0, told
    finally:
        first.kill()
    note("two snakemakes at once", "with Snakemake's lock", "the second is refused, the first goes on")
