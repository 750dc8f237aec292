"""The store's keys: which are wanted by the configs as they stand, which are left over, and what a key was made of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archipelago.address.files import read_json
from archipelago.data.cards import CARDS, known_names
from archipelago.errors import ArchipelagoError
from archipelago.studies.plan import STORE, Plan, known_studies
from archipelago.studies.study import Selection, Study

KINDS = ("partitions", "runs", "evaluations", "figures")


@dataclass(frozen=True)
class Entry:
    """An artifact in the store."""

    kind: str
    key: str
    path: Path
    bytes: int
    wanted: bool


def wanted_keys(config: dict[str, Any], root: Path = Path()) -> set[str]:
    """The keys of everything that the configs, as they stand, can ask for at any scale with the studies' own seeds."""
    whole = {**config, "arms": [], "conditions": [], "seeds": []}
    plans = [Plan({**whole, "studies": "flagship", "scale": "desk"}, root)]
    cards = known_names(root / CARDS)
    for slug in known_studies(root):
        study = Study(root / "config" / "studies" / f"{slug}.yaml")
        for scale in study.content["scales"]:
            data = {cell.spec["data"] for cell in study.cells(Selection(scale))}
            if data <= set(cards):  # without its data a run has no key, and so no place in the store
                plans.append(Plan({**whole, "studies": [slug], "scale": scale}, root))
    keys: set[str] = set()
    for plan in plans:
        keys |= plan.runs.keys() | plan.partitions.keys()
        for one in plan.studies:
            keys |= {one.evaluation.key, one.figures.key}
    return keys


def entries(wanted: set[str], root: Path = Path()) -> Iterator[Entry]:
    """Everything in the store that has a key."""
    for kind in KINDS:
        for path in sorted((root / STORE / kind).glob("[0-9a-f]*")):
            files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
            key = path.name.partition(".")[0]
            yield Entry(kind, key, path, sum(file.stat().st_size for file in files), key in wanted)


def collect_garbage(found: list[Entry]) -> int:
    """Delete what no config asks for; return the bytes freed."""
    freed = 0
    for entry in found:
        if not entry.wanted:
            shutil.rmtree(entry.path) if entry.path.is_dir() else entry.path.unlink()
            freed += entry.bytes
    return freed


def explain(key: str, root: Path = Path()) -> dict[str, Any]:
    """What a run's key was made of.

    Raises:
        ArchipelagoError: no run has this key, or several begin with it.
    """
    matches = list((root / STORE / "runs").glob(f"{key}*/spec.json"))
    if len(matches) != 1:
        raise ArchipelagoError(
            f"{len(matches)} runs in the store have a key that begins with {key!r}",
            key="key",
            remedy="`archipelago keys` lists them; `dvc pull` brings those that are not here.",
        )
    return read_json(matches[0])
