"""A remote that refuses, cannot be reached, is full or read-only: one message, and all that was there is as it was."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.machine import free_port
from tests.pipeline.conftest import Project
from tests.remotes.conftest import Disk, Remote
from tests.remotes.servers import mounted

pytestmark = pytest.mark.slow


def refused(project: Project, *command: str, lines: int = 3) -> str:
    """What a command says that is to fail, in few lines and without a traceback."""
    told = project.run(*command, ok=False)
    assert "Traceback" not in told
    assert "ERROR" in told
    assert len([line for line in told.splitlines() if line.strip()]) <= lines, told
    return told


def sums(folder: Path) -> Mapping[str, str]:
    """The checksum of every file in a folder but Git's and DVC's bookkeeping."""
    files = (path for path in folder.rglob("*") if path.is_file() and not {".git", "tmp"} & set(path.parts))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def new_data(project: Project, size: int = 1000) -> None:
    """Something to push."""
    (project.root / "data").mkdir()
    (project.root / "data/new").write_bytes(bytes(range(250)) * (size // 250))
    project.run("dvc", "add", "data")


@pytest.mark.parametrize(
    ("remote", "settings", "told"),
    [
        ("ssh", {"keyfile": "{}/host"}, "Permission denied for user root"),
        ("s3", {"secret_access_key": "guessed"}, "403"),
        ("s3", {"access_key_id": "nobody"}, "403"),
    ],
    indirect=["remote"],
)
def test_wrong_credentials(clone: Callable[..., Project], remote: Remote, settings: dict[str, str], told: str):
    keys = Path(remote.settings.get("keyfile", "")).parent
    project = clone(remote, **{name: value.format(keys) for name, value in settings.items()})
    before = remote.read()
    assert told in refused(project, "dvc", "pull")
    new_data(project)
    here = sums(project.root)
    assert told in refused(project, "dvc", "push")
    assert sums(project.root) == here
    assert remote.read() == before


@pytest.mark.parametrize(
    ("remote", "settings", "told"),
    [
        ("ssh", {"url": "ssh://root@127.0.0.1:{}/store"}, "Connect call failed"),
        ("s3", {"endpointurl": "http://127.0.0.1:{}"}, "Could not connect to the endpoint URL"),
        ("s3", {"url": "s3://nowhere/store"}, "The specified bucket does not exist"),
    ],
    indirect=["remote"],
)
def test_a_remote_that_is_not_there(clone: Callable[..., Project], remote: Remote, settings: dict[str, str], told: str):
    port = free_port()
    project = clone(remote, **{name: value.format(port) for name, value in settings.items()})
    assert told in refused(project, "dvc", "pull")


@pytest.mark.parametrize("remote", ["folder"], indirect=True)
def test_a_folder_that_is_not_there_has_nothing_to_pull(clone: Callable[..., Project], remote: Remote, tmp_path: Path):
    told = refused(clone(remote, url=str(tmp_path / "elsewhere")), "dvc", "pull", lines=12)
    assert "do not exist neither locally nor on remote" in told
    assert not (tmp_path / "elsewhere").exists()


FULL = {"folder": "No space left on device", "ssh": "Failure", "s3": "reduce your request rate"}


def test_a_full_disk_during_a_push(clone: Callable[..., Project], remote: Remote, disk: Disk):
    project = clone(remote)
    new_data(project, 5_000_000)
    before = remote.read()
    with disk.full():
        assert FULL[remote.kind] in refused(project, "dvc", "push", "data")
        assert remote.read() == before
    project.run("dvc", "push", "data")
    assert remote.read().items() > before.items()
    for left in remote.folder.rglob(".*.tmp"):
        left.unlink()


def test_a_full_disk_during_a_pull(clone: Callable[..., Project], remote: Remote, tmp_path: Path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=30m", "tmpfs") as place:
        project = clone(remote, place)
        here, room = sums(project.root), Disk(place)
        with room.full():
            told = refused(project, "dvc", "pull", lines=200)
            assert "No space left on device" in told
            assert "ERROR: failed to pull data from the cloud" in told
            there = sums(project.root)
            objects = {path: sum for path, sum in there.items() if path.startswith(".dvc/cache")}
            assert {path: sum for path, sum in there.items() if path not in objects} == here
        project.run("dvc", "pull")
        project.run("archipelago", "sums")


READ_ONLY = {"folder": "Read-only file system", "ssh": "is not a directory", "s3": "Access Denied"}


def test_a_store_that_may_only_be_read(clone: Callable[..., Project], remote: Remote, tmp_path: Path):
    before = remote.read()
    with mounted(tmp_path / "store", "--bind", "-o", "ro", str(remote.folder)) as store:
        if remote.kind == "s3":
            settings = {"access_key_id": "lab:guest", "secret_access_key": "guest's"}
        else:
            settings = {"url": remote.settings["url"].replace(str(remote.folder), str(store))}
        project = clone(remote, **settings)
        project.run("dvc", "pull")
        (project.root / "data/new").write_text("new")
        project.run("dvc", "add", "data")
        assert READ_ONLY[remote.kind] in refused(project, "dvc", "push")
    assert remote.read() == before
