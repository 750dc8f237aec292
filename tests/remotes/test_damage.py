"""Damage to what DVC keeps ends in a clear error or is named by ``archipelago sums``; never in a wrong result."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project
from tests.remotes.conftest import OBJECTS, Remote

pytestmark = pytest.mark.slow

Record = tuple[str, str]


def flipped(content: bytes) -> bytes:
    """The same but for one bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "missing": lambda content: None,
    "truncated": lambda content: content[: len(content) // 2],
    "flipped": flipped,
}


def rot(path: Path) -> None:
    """Flip a bit behind everybody's back: neither size nor time nor mode changes."""
    was = path.stat()
    path.chmod(0o644)
    path.write_bytes(flipped(path.read_bytes()))
    path.chmod(was.st_mode)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_object_in_a_remote_is_not_pulled(
    clone: Callable[..., Project], remote: Remote, records: list[Record], damage: str
):
    file, name = records[0]
    remote.write(name, DAMAGE[damage](remote.read()[name]))
    pulling = clone(remote)
    told = pulling.run("dvc", "pull", ok=False)
    assert "Traceback" not in told
    assert "ERROR: failed to pull data from the cloud" in told
    assert (name if damage == "missing" else "Checkout failed for following targets:\nresults/store") in told
    assert not (pulling.root / file).exists()
    assert not (pulling.root / ".dvc/cache" / OBJECTS / name[:2] / name[2:]).exists()


@pytest.mark.parametrize("remote", ["folder"], indirect=True)
def test_after_a_pull_that_failed_the_runs_would_be_trained(
    clone: Callable[..., Project], remote: Remote, records: list[Record]
):
    _, name = records[0]
    remote.write(name, flipped(remote.read()[name]))
    pulling = clone(remote)
    pulling.run("dvc", "pull", ok=False)
    assert {"train_tiny_plain_fedavg", "train_tiny_plain_fedprox"} <= pulling.jobs()


def test_sums_names_what_is_wrong_in_a_remote_and_lets_a_push_mend_it(
    origin: Project, remote: Remote, records: list[Record]
):
    whole = remote.read()
    (lost, lost_name), (rotten, rotten_name) = records[:2]
    remote.write(lost_name, None)
    remote.write(rotten_name, flipped(whole[rotten_name]))
    assert "Everything is up to date" in origin.run("dvc", "push")  # alone, it mends nothing
    told = origin.run("archipelago", "sums", "--remote", "store", "--delete", ok=False)
    found = {tuple(line.split()[:3]) for line in told.splitlines()[:-1]}
    assert found == {("store", "missing", lost), ("store", "damaged", rotten)}
    origin.run("dvc", "push")
    assert remote.read() == whole


@pytest.mark.parametrize("remote", ["folder"], indirect=True)
def test_sums_names_a_damaged_object_in_the_cache_and_lets_a_pull_mend_it(
    clone: Callable[..., Project], remote: Remote, records: list[Record]
):
    file, name = records[0]
    pulled = clone(remote)
    pulled.run("dvc", "pull")
    rot(pulled.root / ".dvc/cache" / OBJECTS / name[:2] / name[2:])
    # DVC trusts its cache: this is why `archipelago sums` is there.
    assert "up to date" in pulled.run("dvc", "status")
    assert "in sync" in pulled.run("dvc", "status", "--cloud")
    told = pulled.run("archipelago", "sums", "--delete", ok=False)
    assert [line.split()[:3] for line in told.splitlines()[:-1]] == [["cache", "damaged", file]]
    assert "1 of" in told.splitlines()[-1]
    pulled.run("dvc", "pull")
    pulled.run("archipelago", "sums")


@pytest.mark.parametrize("remote", ["folder"], indirect=True)
def test_sums_names_a_file_that_changed_in_place(clone: Callable[..., Project], remote: Remote, records: list[Record]):
    file, _ = records[0]
    pulled = clone(remote)
    pulled.run("dvc", "pull")
    whole = (pulled.root / file).read_bytes()
    rot(pulled.root / file)
    assert "up to date" in pulled.run("dvc", "status")
    told = pulled.run("archipelago", "sums", "--delete", ok=False)
    assert [line.split() for line in told.splitlines()[:-1]] == [["here", "changed", file]]
    (pulled.root / file).unlink()
    pulled.run("dvc", "checkout")
    assert (pulled.root / file).read_bytes() == whole
