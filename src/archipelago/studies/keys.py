"""The store's keys: which are wanted by the configs as they stand, and which are left over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archipelago.address.files import read_json
from archipelago.data.cards import CARDS, known_names
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


def plans(config: dict[str, Any], root: Path = Path()) -> Iterator[Plan]:
    """Everything that the configs, as they stand, can ask for: every study at every scale with its own seeds."""
    whole = {**config, "arms": [], "conditions": [], "seeds": []}
    yield Plan({**whole, "studies": "flagship", "scale": "desk"}, root)
    cards = known_names(root / CARDS)
    for slug in known_studies(root):
        study = Study(root / "config" / "studies" / f"{slug}.yaml")
        for scale in study.content["scales"]:
            data = {cell.spec["data"] for cell in study.cells(Selection(scale))}
            if data <= set(cards):  # without its data a run has no key, and so no place in the store
                yield Plan({**whole, "studies": [slug], "scale": scale}, root)


def wanted_keys(config: dict[str, Any], root: Path = Path()) -> set[str]:
    """The keys of all that ``plans`` hold, and of the runs that committed tunings name, whatever code made them."""
    tunings = [read_json(path) for path in (root / "results" / "desk").glob("*/tuning-*.json")]
    keys = {run["key"] for tuning in tunings for run in tuning["runs"]}
    for plan in plans(config, root):
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
