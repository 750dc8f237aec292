"""What was pushed to a folder, over SSH or into an S3 store is pulled by a clone, whole, and nothing else is pushed."""

import os
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.pipeline.conftest import Project
from tests.remotes.conftest import OBJECTS, Remote

pytestmark = pytest.mark.slow


def test_a_clone_that_pulled_has_nothing_to_do(clone: Callable[..., Project], remote: Remote):
    pulled = clone(remote)
    pulled.run("dvc", "pull")
    assert pulled.jobs() == set()
    assert "all as DVC recorded them" in pulled.run("archipelago", "sums", "--remote", "store")


@pytest.mark.parametrize("remote", ["folder"], indirect=True)
def test_what_killed_processes_left_beside_their_targets_is_not_pushed(clone: Callable[..., Project], remote: Remote):
    pulled = clone(remote)
    pulled.run("dvc", "pull")
    for left in ("data/.digits.0123abcd.part/images.npy", "results/store/runs/.0a.0123abcd.part/records.parquet"):
        (pulled.root / left).parent.mkdir()
        (pulled.root / left).write_text(left)
    (pulled.root / "results/store/partitions/.0a.npz.0123abcd.part").write_text("half")
    before = remote.read()
    pulled.run("dvc", "add", "data", "results/store", "results/flagship")
    assert pulled.run("git", "status", "--porcelain") == ""
    pulled.run("dvc", "push")
    assert remote.read() == before


@pytest.mark.parametrize("remote", ["ssh"], indirect=True)
def test_a_push_that_was_killed_leaves_nothing_that_counts_as_an_object(clone: Callable[..., Project], remote: Remote):
    pushing = clone(remote)
    content = os.urandom(30_000_000)
    (pushing.root / "data").mkdir()
    (pushing.root / "data/large").write_bytes(content)
    pushing.run("dvc", "add", "data")
    before = remote.read()
    command = subprocess.Popen(["dvc", "push", "data"], cwd=pushing.root, env=pushing.environment)
    begun = remote.folder / OBJECTS
    while not any(path.stat().st_size for path in begun.glob("*/.*.tmp")) and command.poll() is None:
        time.sleep(0.002)
    command.kill()
    command.wait()
    half = list(begun.glob("*/.*.tmp"))
    assert half
    assert remote.read() == before
    pushing.run("dvc", "push", "data")
    assert content in remote.read().values()
    for path in half:
        path.unlink()
