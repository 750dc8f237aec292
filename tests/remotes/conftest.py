"""A finished project whose results were pushed to three remotes: a folder, a machine behind SSH, an S3 store."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from tests.machine import root
from tests.pipeline.conftest import Project, copy_project
from tests.remotes.servers import mounted, s3_server, ssh_server

OBJECTS = "files/md5"


@dataclass(frozen=True)
class Remote:
    """A remote as its keeper sees it, around DVC."""

    kind: str
    settings: dict[str, str]
    """What a clone's ``.dvc/config.local`` says of it."""
    folder: Path

    def read(self) -> dict[str, bytes]:
        """All its objects, by their MD5 as DVC writes it."""
        there = (path for path in (self.folder / OBJECTS).glob("*/*") if not path.name.startswith("."))
        return {path.parent.name + path.name: path.read_bytes() for path in there}

    def write(self, name: str, content: bytes | None) -> None:
        """Put an object there, whatever its content; none: delete it."""
        path = self.folder / OBJECTS / name[:2] / name[2:]
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
            path.chmod(0o444)


@dataclass(frozen=True)
class Bucket(Remote):
    """A remote in an S3 store."""

    client: Any = field(repr=False)

    def read(self) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket="lab", Prefix=f"store/{OBJECTS}/")["Contents"]
        keys = [entry["Key"] for entry in listed]
        return {
            "".join(key.split("/")[-2:]): self.client.get_object(Bucket="lab", Key=key)["Body"].read() for key in keys
        }

    def write(self, name: str, content: bytes | None) -> None:
        key = f"store/{OBJECTS}/{name[:2]}/{name[2:]}"
        if content is None:
            self.client.delete_object(Bucket="lab", Key=key)
        else:
            self.client.put_object(Bucket="lab", Key=key, Body=content)


@dataclass(frozen=True)
class Disk:
    """A small file system that holds all remotes, so that it can be full."""

    path: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room but for the smallest files, until the block ends."""
        usage = os.statvfs(self.path)
        filler = self.path / "filler"
        try:
            filler.write_bytes(bytes(usage.f_bavail * usage.f_frsize - 100_000))
            yield
        finally:
            filler.unlink()


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    root("a small file system is mounted, and servers are run as root")
    with mounted(tmp_path_factory.mktemp("disk") / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs") as path:
        yield Disk(path)


@pytest.fixture(scope="session")
def remotes(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Remote]]:
    """Three remotes; their servers run until the tests end."""
    ssh, s3 = tmp_path_factory.mktemp("ssh"), tmp_path_factory.mktemp("s3")
    (disk.path / "s3").mkdir()
    with ssh_server(ssh) as ssh_port, s3_server(s3, disk.path / "s3") as s3_port:
        endpoint = f"http://127.0.0.1:{s3_port}"
        keeper = {"aws_access_key_id": "lab:keeper", "aws_secret_access_key": "keeper's"}
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keeper)
        client.create_bucket(Bucket="lab", ACL="public-read")
        yield {
            "folder": Remote("folder", {"url": str(disk.path / "folder")}, disk.path / "folder"),
            "ssh": Remote(
                "ssh",
                {"url": f"ssh://root@127.0.0.1:{ssh_port}{disk.path}/ssh", "keyfile": str(ssh / "key")},
                disk.path / "ssh",
            ),
            "s3": Bucket(
                "s3",
                {
                    "url": "s3://lab/store",
                    "endpointurl": endpoint,
                    "region": "us-east-1",
                    "access_key_id": "lab:keeper",
                    "secret_access_key": "keeper's",
                },
                disk.path / "s3",
                client,
            ),
        }


@pytest.fixture(scope="session")
def origin(remotes: dict[str, Remote], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project in which the main job has run, and which pushed to each remote; tests leave it as they found it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("dvc")))
        project = copy_project(tmp_path_factory.mktemp("origin") / "origin")
        project.snakemake()
        shutil.rmtree(project.root / ".snakemake")
        project.run("git", "init", "--quiet")
        project.run("dvc", "add", "--quiet", "data", "results/store", "results/flagship")
        project.run("git", "add", "--all")
        project.run(
            "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "-m", "all"
        )
        for remote in remotes.values():
            connect(project, remote.settings)
            project.run("dvc", "push")
        yield project


def connect(project: Project, settings: dict[str, str]) -> None:
    """Point the project's remote somewhere, outside git; what git says of it (``verify``) stays."""
    lines = "".join(f"    {key} = {value}\n" for key, value in settings.items())
    (project.root / ".dvc/config.local").write_text(f"['remote \"store\"']\n{lines}")


@pytest.fixture(params=["folder", "ssh", "s3"])
def remote(request: pytest.FixtureRequest, remotes: dict[str, Remote], origin: Project) -> Iterator[Remote]:
    """Each of the remotes, holding what was pushed; it holds the same afterwards."""
    remote = remotes[request.param]
    before = remote.read()
    assert {name: hashlib.md5(content).hexdigest() for name, content in before.items()} == {
        name: name.removesuffix(".dir") for name in before
    }
    connect(origin, remote.settings)
    yield remote
    after = remote.read()
    for name in before.keys() | after.keys():
        if after.get(name) != before.get(name):
            remote.write(name, before.get(name))


@pytest.fixture
def clone(origin: Project, tmp_path: Path) -> Callable[..., Project]:
    """Clone the project with git alone and connect it to a remote."""
    number = count()

    def make(remote: Remote, place: Path = tmp_path, **settings: str) -> Project:
        project = Project(place / f"clone{next(number)}")
        origin.run("git", "clone", "--quiet", str(origin.root), str(project.root))
        connect(project, {**remote.settings, **settings})
        return project

    return make


@pytest.fixture(scope="session")
def records(origin: Project) -> list[tuple[str, str]]:
    """The runs' tables: their paths in the project, and their objects' names."""
    name = yaml.safe_load((origin.root / "results/store.dvc").read_text())["outs"][0]["md5"]
    listing = json.loads((origin.root / ".dvc/cache" / OBJECTS / name[:2] / name[2:]).read_text())
    tables = [entry for entry in listing if entry["relpath"].endswith("records.parquet")]
    return [(f"results/store/{table['relpath']}", table["md5"]) for table in tables]
