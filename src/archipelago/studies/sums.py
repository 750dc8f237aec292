"""Hash again what DVC keeps: the files in place, the objects in its cache, and those in a remote.

DVC hashes an object when it comes in and trusts it from then on: what damages its cache later goes, unnoticed, into
``results/`` and into every remote; and what a remote lost is not pushed again. An object is named by its MD5, so
either can be told from the object alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.repo import Repo

from archipelago.errors import ArchipelagoError

READERS = 8
"""How many copies are read at once: a remote is far away."""
BLOCK = 2**20
"""How many bytes are read at once."""


@dataclass(frozen=True)
class Copy:
    """A file, or the listing of a folder, as it lies in one place."""

    place: str
    """``here``, ``cache`` or a remote's name."""
    file: Path
    """Its path in the project."""
    md5: str
    """As DVC recorded it; of a listing it ends in ``.dir``."""
    path: str
    """Its path in that place."""
    open: Callable[[str, str], Any]

    def state(self) -> str:
        """Whether it is ``whole`` or ``missing``; otherwise ``changed`` in its place, ``damaged`` anywhere else."""
        digest = hashlib.md5()
        try:
            with self.open(self.path, "rb") as content:
                while block := content.read(BLOCK):  # hashlib.file_digest does not take files that lie behind SSH
                    digest.update(block)
        except FileNotFoundError:
            return "missing"
        if digest.hexdigest() == self.md5.removesuffix(".dir"):
            return "whole"
        return "changed" if self.place == "here" else "damaged"


def check(root: Path, remote: str | None = None, delete: bool = False) -> list[tuple[Copy, str]]:
    """Every copy of what the project's ``.dvc`` files name, with its state.

    Args:
        root: of the project.
        remote: a remote to read, too; all that is named is transferred.
        delete: delete damaged objects, and in the remote the listing of a folder that lacks one, so that ``dvc pull``
            and ``dvc push`` bring them again. Files in place are left alone.

    Raises:
        ArchipelagoError: the remote does not answer or holds nothing.
    """
    repo = Repo(str(root))
    root = Path(repo.root_dir)
    stores = {"cache": repo.cache.local}
    if remote:
        stores[remote] = _open_remote(repo, remote)
    found: list[tuple[Copy, str]] = []
    for out in repo.index.outs:
        listing = out.hash_info.value
        copies = list(_copies(root, Path(out.fs_path).relative_to(root), listing, stores))
        with ThreadPoolExecutor(READERS) as readers:
            states = list(zip(copies, readers.map(Copy.state, copies), strict=True))
        found += states
        if delete:
            for place, store in stores.items():
                _delete([(copy, state) for copy, state in states if copy.place == place], store)
    return found


def _open_remote(repo: Any, name: str) -> Any:
    try:
        store = repo.cloud.get_remote(name).odb
        there = store.fs.exists(store.path)
    except Exception as error:  # each kind of remote has errors of its own
        raise ArchipelagoError(
            f"{name!r} cannot be read ({error})",
            key="remote",
            remedy="docs/object-store.md tells how a remote is set and what its errors mean.",
        ) from error
    if not there:
        raise ArchipelagoError(
            f"{name!r} holds nothing at {store.fs.unstrip_protocol(store.path)}",
            key="remote",
            remedy="Set its url right, or `dvc push` first.",
        )
    return store


def _copies(root: Path, target: Path, md5: str, stores: Mapping[str, Any]) -> Iterator[Copy]:
    """The copies of a file, or of a folder's listing and of all files that it lists."""
    objects = [Copy(place, target, md5, store.oid_to_path(md5), store.fs.open) for place, store in stores.items()]
    yield from objects
    if not md5.endswith(".dir"):
        yield Copy("here", target, md5, str(root / target), open)
        return
    whole = next((listing for listing in objects if listing.state() == "whole"), None)
    if whole:
        with whole.open(whole.path, "rb") as content:
            entries = json.load(content)
        for entry in entries:
            yield from _copies(root, target / entry["relpath"], entry["md5"], stores)


def _delete(states: Iterable[tuple[Copy, str]], store: Any) -> None:
    wrong = [(copy, state) for copy, state in states if state != "whole"]
    doomed = {copy.path for copy, state in wrong if state == "damaged"}
    if any(copy.place != "cache" for copy, _ in wrong):
        # `dvc push` takes a listing's presence for that of all that it lists.
        doomed |= {copy.path for copy, state in states if copy.md5.endswith(".dir") and state != "missing"}
    for path in sorted(doomed, key=lambda path: not path.endswith(".dir")):
        store.fs.rm_file(path)  # one by one: not every S3 takes a list of objects to delete
