"""Views: addressed results under readable names."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archipelago.address.files import read_json, write_aside, write_json
from archipelago.address.sums import check_sums
from archipelago.studies.plan import STORE

VIEWS = Path(".cache/views.lock")
"""Held by whoever changes what a reader is shown, lest two at once show a mixture."""


def publish(table: Path, verdicts: Path, index: Path, provenance: Mapping[str, Any], marker: Path) -> None:
    """Copy a study's results to the folder of ``marker``, and write the provenance as ``marker`` last.

    What the view showed before is replaced: no file of another key stays behind.

    Args:
        table: ``runs.parquet``.
        verdicts: ``verdicts.json``.
        index: ``index.json``, which lists the figures beside it.
        provenance: what the view was made of. Each run that tells the commit it was trained at gets it as ``commit``,
            and as ``dirty`` whether the sources differed from it.
        marker: ``provenance-<key>.json``; its existence says that the view is up to date.
    """
    view = marker.parent
    view.mkdir(parents=True, exist_ok=True)
    for old in view.glob("provenance-*.json"):
        if old != marker:
            old.unlink()
    check_sums(table.parent, table.name, verdicts.name)
    figures = {name: index.parent / name for name in read_json(index)}
    wanted = {table.name: table, verdicts.name: verdicts, **figures}
    for old in view.iterdir():
        if old.is_file() and old.name not in (*wanted, marker.name) and not old.name.startswith("tuning-"):
            old.unlink()
    for name, source in wanted.items():
        with write_aside(view / name) as part:
            shutil.copyfile(source, part)
    write_json(marker, {**provenance, "runs": [_with_commit(run) for run in provenance["runs"]]})


def _with_commit(run: Mapping[str, Any]) -> dict[str, Any]:
    origin = STORE / "runs" / run["key"] / "origin.json"
    if not origin.exists():
        return dict(run)
    told = read_json(origin)
    return {**run, "commit": told["commit"], "dirty": told["dirty"]}
