"""The disk fills up: one message says so, nothing that was computed is lost, and the same command ends the same."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from archipelago.address.files import read_json
from archipelago.address.sums import SUMS
from archipelago.plotting.figures import plot
from archipelago.studies.evaluate import evaluate, read_table
from archipelago.studies.study import Study
from tests.faults.conftest import ONE_RUN, Disk, Note, Undisturbed, check_equal, warm
from tests.pipeline.conftest import Project, copy_project

pytestmark = pytest.mark.slow

COMMAND = ("snakemake", "--cores", "1", "--config", "studies=tiny", *ONE_RUN)


def test_training_fills_the_disk_and_goes_on_when_there_is_room(
    disk: Disk, tmp_path: Path, undisturbed: Undisturbed, note: Note
):
    phases = set()
    with warm(copy_project(disk.place / "project"), tmp_path / "messages") as trainer:
        for room in range(0, 80, 8):
            disk.leave(room)
            done = trainer.attempt()
            outcome = trainer.left()
            if done["ended"] == 0:
                note("the disk is full in training", f"{room} kB are left", "enough")
            else:
                assert done["ended"] == 1
                (message,) = trainer.messages.read_text().splitlines()
                assert message.startswith("error: study tiny: key results: the disk is full"), message
                assert str(disk.place) in message
                assert "Make room" in message
                phases.add(done["phase"])
                note("the disk is full in training", done["phase"], f"one message; {outcome}")
                disk.free()
                assert trainer.attempt()["ended"] == 0, trainer.messages.read_text()
            disk.free()
            trainer.finish(undisturbed.folder)
    assert {"checkpoint", "folder"} <= phases


@pytest.fixture
def project(disk: Disk) -> Project:
    """A project on the small disk."""
    return copy_project(disk.place / "project")


def fill_at(project: Project, disk: Disk, begun: Callable[[], bool], room: int) -> str:
    """Run the workflow, and fill the disk as soon as a rule has begun; return all that was printed."""
    with subprocess.Popen(
        COMMAND, cwd=project.root, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            while not begun() and process.poll() is None:
                time.sleep(0.005)
            disk.leave(room)
            told = process.communicate(timeout=900)[0]
        finally:
            process.kill()
    disk.free()
    assert process.returncode == 1, told
    return told


def test_each_step_after_training_fills_the_disk_and_is_done_when_there_is_room(
    project: Project, disk: Disk, undisturbed: Undisturbed, note: Note
):
    store = project.root / "results/store"
    views = project.root / "results/other"
    # Snakemake makes an output's folder when it starts the rule; the rule writes some seconds later.
    steps = {
        "evaluate": (lambda: (store / "evaluations").exists(), 0),
        "plot": (lambda: (store / "figures").exists(), 60),
        "publish": (lambda: views.exists(), 60),
        "track, making its tables": (lambda: any(store.glob("mlflow/.mlflow.db.*")), 100),
        "track": (lambda: (store / "mlflow/mlflow.db").exists(), 0),
        "site": (lambda: any(store.glob("site/*")), 40),
    }
    for step, (begun, room) in steps.items():
        if step == "site":
            shutil.rmtree(store / "site", ignore_errors=True)  # it began beside another step
        told = fill_at(project, disk, begun, room)
        errors = [line for line in told.splitlines() if line.startswith("error: ")]
        assert errors, told
        for error in errors:
            assert "key results: the disk is full" in error
            assert str(disk.place) in error
            assert "Make room" in error
            assert step == "site" or error.startswith("error: study tiny: ")
        assert "Traceback" not in told
        assert "Logging error" not in told
        note("the disk is full", step, "one message")
    project.run(*COMMAND)

    run = store / "runs" / undisturbed.folder.name
    check_equal(run, undisturbed.folder)
    (evaluation,), (figures,), (view,) = (list(folder.glob("*")) for folder in (
        store / "evaluations", store / "figures", views)
    )  # fmt: skip
    expected = disk.place / "expected"
    study = Study(project.root / "config/studies/tiny.yaml").content
    row = {"arm": "fedprox", "condition": "plain", "seed": 1, "key": run.name}
    evaluate(study, [row], store / "runs", expected)
    plot(study, read_table(expected / "runs.parquet"), read_json(expected / "verdicts.json"), expected)
    for file in expected.iterdir():
        made = (figures if file.suffix in (".svg", ".png") else evaluation) / file.name
        assert made.read_bytes() == file.read_bytes()
        assert file.name == SUMS or (view / "tiny" / file.name).read_bytes() == file.read_bytes()
    assert list(project.root.rglob("*.part")) == []
    assert "Nothing to be done" in project.run(*COMMAND)
    note("the disk is full", "all steps", "with room, the same command ends with the same bytes")


def test_nothing_is_begun_on_a_full_disk(project: Project, disk: Disk, note: Note):
    disk.leave(0)
    told = project.run(*COMMAND, ok=False)
    assert told.count("the disk is full, or your quota") == 1
    assert "Make room" in told
    assert "Traceback" not in told
    assert "Logging error" not in told
    note("the disk is full", "start", "one message")
