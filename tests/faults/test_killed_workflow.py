"""Snakemake or its worker is killed: the same command goes on, without further ado, and ends bit for bit the same."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch

from tests.faults.conftest import ONE_RUN, Note, check_equal, warm
from tests.pipeline.conftest import Project, copy_project

pytestmark = pytest.mark.slow

RULE = "train_tiny_plain_fedprox"
COMMAND = ("snakemake", RULE, "--cores", "2", "--config", "studies=tiny", *ONE_RUN, "checkpoint_seconds=0")


@contextmanager
def training(project: Project, checkpoint: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Snakemake in a process group of its own, and its worker, when this one has written a checkpoint."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    known = set((project.root / ".snakemake/scripts").glob("*"))
    with subprocess.Popen(
        COMMAND,
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.005)
            (script,) = set((project.root / ".snakemake/scripts").glob("*.train.py")) - known
            yield process, worker(script)
        finally:
            with_group(process.pid, signal.SIGKILL)


def worker(script: Path) -> int:
    """The process that runs a script."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if len(words) > 1 and words[1] == os.fsencode(script):
            return int(path.parent.name)
    raise ProcessLookupError(script)


def with_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def rounds(checkpoint: Path) -> int:
    return len(torch.load(checkpoint, weights_only=True)["rows"])


def test_what_is_killed_goes_on_with_the_same_command(tmp_path: Path, note: Note):
    project, twin = copy_project(tmp_path / "project"), copy_project(tmp_path / "twin")
    for place in (project, twin):
        place.edit("config/studies/tiny.yaml", "rounds: 6\n", "rounds: 60\n")
    with warm(twin, tmp_path / "messages") as undisturbed:
        assert undisturbed.attempt()["ended"] == 0
    run = project.root / undisturbed.order["folder"]
    checkpoint = project.root / "results/work" / run.name / "round.ckpt"

    with training(project, checkpoint) as (snakemake, script):
        os.kill(script, signal.SIGKILL)
        told = snakemake.communicate(timeout=600)[0]
        assert snakemake.returncode == 1
        assert "SIGKILL" in told
    assert not any(run.glob("*"))
    first = rounds(checkpoint)
    note("SIGKILL of the worker", "training", "the rule fails, the next call goes on from the checkpoint")

    with training(project, checkpoint) as (snakemake, script):
        with_group(snakemake.pid, signal.SIGKILL)
        snakemake.wait()
    assert not any(run.glob("*"))
    assert rounds(checkpoint) > first
    note("SIGKILL of snakemake and its workers", "training", "the next call goes on from the checkpoint, no --unlock")

    with training(project, checkpoint) as (snakemake, orphan):
        os.kill(snakemake.pid, signal.SIGKILL)
        snakemake.wait()
        assert alive(orphan)
        # The orphan holds the run's lock: whoever is given the run waits for it, and finds it done.
        told = project.run(*COMMAND)
        assert "A snakemake was killed here; its lock is lifted." in told
        assert not alive(orphan)
    note("SIGKILL of snakemake alone", "training", "its worker ends the run, the next call waits for it, no --unlock")

    check_equal(run, twin.root / undisturbed.order["folder"])
    assert list((project.root / "results/work").iterdir()) == []
    assert list(run.parent.iterdir()) == [run]
