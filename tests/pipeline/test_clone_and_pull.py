"""A clone that pulled what others computed has nothing to do, whatever its time stamps; a change re-runs its part."""

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone of a project whose results were pushed; all time stamps are shuffled."""
    scratch = tmp_path_factory.mktemp("clone")
    origin = Project(scratch / "origin")
    shutil.copytree(finished.root, origin.root, ignore=shutil.ignore_patterns(".snakemake", ".cache"), symlinks=True)
    origin.run("git", "init", "--quiet")
    origin.run("dvc", "remote", "modify", "store", "url", str(scratch / "remote"))
    origin.run("dvc", "add", "--quiet", "data", "results/store", "results/flagship")
    origin.run("git", "add", "--all")
    origin.run("git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "-m", "results")
    origin.run("dvc", "push", "--quiet")
    shutil.rmtree(origin.root / ".dvc/cache")
    origin.run("git", "clone", "--quiet", str(origin.root), str(scratch / "clone"))
    clone = Project(scratch / "clone")
    assert not (clone.root / "results/store").exists()
    clone.run("dvc", "pull", "--quiet")
    stamps = random.Random(0)
    for path in clone.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts and ".dvc" not in path.parts:
            when = stamps.uniform(1.6e9, 1.7e9)
            os.utime(path, (when, when))
    return clone


def test_nothing_is_to_be_done(clone: Project):
    told = clone.snakemake()
    assert "Nothing to be done" in told


def test_nothing_is_in_the_store_that_names_the_place_it_was_made_in(finished: Project, clone: Project):
    place = str(finished.root).encode()
    named = [
        path
        for path in (clone.root / "results").rglob("*")
        if path.is_file() and place in path.read_bytes() and "logs" not in path.parts
    ]
    assert named == []


def test_a_changed_key_re_runs_what_it_touches_and_the_old_key_is_still_there(clone: Project):
    study = "config/studies/tiny.yaml"
    before = (clone.root / study).read_text()
    clone.edit(study, "{mu: 1.0}}}\n", "{mu: 3.0}}}\n")
    made = clone.snakemake()
    assert "train_tiny_plain_fedprox" in made
    assert "train_tiny_plain_fedavg" not in made
    assert clone.jobs() == set()
    # Back again: the runs are there under their keys, only the views change.
    (clone.root / study).write_text(before)
    assert clone.jobs() == {"publish", "track", "site"}


def test_a_change_of_code_re_runs_only_what_uses_it(clone: Project):
    fedprox = Path("src/archipelago/methods/federated/fedprox.py")
    before = (clone.root / fedprox).read_text()
    shutil.rmtree(clone.root / "results/flagship/tiny")
    clone.snakemake()
    (clone.root / fedprox).write_text(before.replace("alpha=self.mu", "alpha=2 * self.mu"))
    jobs = clone.jobs()
    (clone.root / fedprox).write_text("# a comment\n" + before)
    assert clone.jobs() == set()
    (clone.root / fedprox).write_text(before)
    assert jobs == {"train_tiny_plain_fedprox", "evaluate", "plot", "publish", "track", "site"}


def test_a_truncated_run_is_refused_and_named(clone: Project):
    records = next((clone.root / "results/store/runs").glob("*/records.parquet"))
    whole = records.read_bytes()
    records.write_bytes(whole[: len(whole) // 2])
    shutil.rmtree(clone.root / "results/store/evaluations")
    shutil.rmtree(clone.root / "results/flagship")
    try:
        told = clone.snakemake(ok=False)
        assert f"run {records.parent.name}" in told
        assert "dvc pull" in told
    finally:
        records.write_bytes(whole)
