"""From a run to its config, code, partition and data, each step checked as far as the files that are here allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from archipelago.address.files import read_json
from archipelago.data.cards import CARDS, PREPARED, load_card
from archipelago.data.prepare import SUMS, verify
from archipelago.errors import ArchipelagoError
from archipelago.partition.make import make_partition
from archipelago.partition.partition import Partition
from archipelago.studies.history import History, State, names, seeds
from archipelago.studies.plan import STORE, Run

Row = Mapping[str, Any]
"""A run under the names of a study: ``arm``, ``condition``, ``seed``, ``key``; and what its view tells of it beyond."""

Document = dict[str, Any]
"""Plain data; ``archipelago.studies.told`` makes a text of it."""

NO_COMMIT = "not in git"
"""What a run says of its commit where the sources lay in no repository."""
FILES = ("records.parquet", "model.pt", "spec.json", "cost.json", "origin.json")


class Walk:
    """The way from some runs of a study to what they were made of.

    Args:
        slug: the study; None if it is not known.
        scale: the scale of the runs.
        rows: all runs that one state of the project gave their keys.
        history: of the project.
        rehash: hash the data and make the partitions again.
        table: the file of the study's table, to be compared with the runs' records.
    """

    def __init__(
        self,
        slug: str | None,
        scale: str,
        rows: Sequence[Row],
        history: History,
        rehash: bool,
        table: Path | None = None,
    ) -> None:
        self.slug, self.scale, self.rows, self.history = slug, scale, rows, history
        self.rehash, self.table_file = rehash, table
        self.root = history.here.root
        self._walked: dict[tuple[Any, ...], Document] = {}
        self._checked: dict[str, str] = {}

    @cached_property
    def table(self) -> pd.DataFrame:
        """The study's table."""
        assert self.table_file, "these runs are in no table"
        return pd.read_parquet(self.table_file)

    @cached_property
    def state(self) -> State | None:
        """The state of the project that gives all runs their keys: this checkout or the newest such commit."""
        if not self.slug:
            return None
        likely = [row.get("commit") for row in self.rows]
        return self.history.giving(self.rows, self.slug, self.scale, likely)

    def run(self, row: Row) -> Document:
        """What a run was made of, what of it is here, and whether this checkout would make the same.

        Returns:
            ``arm``, ``condition``, ``seed``, ``key``; ``state``, which gives the key; ``here``, the ``key`` that this
            checkout gives, and where it differs in ``config``, ``modules``, ``packages`` or ``inputs``; ``config``
            (``file``, ``spec``); ``code`` (``key``, ``commit``, ``dirty``, ``confirmed``: whether that commit gives the
            run's key, ``modules``, ``packages``); ``partition`` and ``data``: how they are named, where they lie,
            whether that is ``here``, what was found when it was ``checked``; ``files``, each with whether it is here;
            ``records``: whether they are the table's rows. What is not known is None.
        """
        at = (*names(row), row["key"])
        if at not in self._walked:
            self._walked[at] = self._run(row)
        return self._walked[at]

    def _run(self, row: Row) -> Document:
        folder = STORE / "runs" / row["key"]
        stored = self._json(folder / "spec.json")
        here, given = self._given(self.history.here, row), self._given(self.state, row)
        parts = given.parts if given else stored or {}
        spec = parts.get("spec")
        code = self._code(row, folder, parts, given)
        partition = self._partition(parts.get("partition") or row.get("partition"), parts)
        data = self._data(spec["data"] if spec else row.get("data"), parts.get("data") or row.get("checksum"))
        return {
            **dict(zip(("arm", "condition", "seed"), names(row), strict=True)),
            "key": row["key"],
            "state": str(self.state) if self.state else None,
            "here": here and self._differences(here, spec, code, partition, data),
            "config": {"file": f"config/studies/{self.slug}.yaml" if self.slug else None, "spec": spec},
            "code": code,
            "partition": partition,
            "data": data,
            "files": {str(folder / name): (self.root / folder / name).exists() for name in FILES},
            "records": self._records(row, self.root / folder / "records.parquet"),
        }

    def _json(self, path: Path) -> Document | None:
        return read_json(self.root / path) if (self.root / path).exists() else None

    def _given(self, state: State | None, row: Row) -> Run | None:
        """The run to which a state of the project gives these names."""
        if state is None or self.slug is None:
            return None
        return self.history.runs(state, self.slug, self.scale, seeds(self.rows)).get(names(row))

    def _code(self, row: Row, folder: Path, parts: Document, given: Run | None) -> Document:
        told = self._json(folder / "origin.json") or row
        commit = told.get("commit") if told.get("commit") != NO_COMMIT else None
        closure = {name: told.get(name) for name in ("modules", "packages")}
        if not closure["modules"] and given and self.state:
            closure = asdict(self.history.closure(self.state, given.roots))
        at = self.history.at(commit) if commit else None
        again = self._given(at, row)
        return {
            "key": parts.get("code") or row.get("code"),
            "commit": commit,
            "dirty": told.get("dirty"),
            "confirmed": again.key == row["key"] if again else None,
            **closure,
        }

    def _partition(self, key: str | None, parts: Document) -> Document | None:
        if key is None:
            return None
        path = STORE / "partitions" / f"{key}.npz"
        spec = parts["spec"]["partition"] if parts else None
        here = (self.root / path).exists()
        checked = None
        if self.rehash and here and parts:
            folder = self.root / PREPARED / f"{parts['spec']['data']}-{parts['data'][:12]}"
            if key not in self._checked:
                self._checked[key] = _made_again(self.root / path, parts["spec"], folder)
            checked = self._checked[key]
        return {"key": key, "file": str(path), "spec": spec, "here": here, "checked": checked}

    def _data(self, name: str | None, checksum: str | None) -> Document | None:
        if not (name and checksum):
            return None
        folder = PREPARED / f"{name}-{checksum[:12]}"
        here = (self.root / folder / SUMS).exists()
        checked = None
        if self.rehash and here:
            if checksum not in self._checked:
                self._checked[checksum] = self._hashed(name, checksum)
            checked = self._checked[checksum]
        return {"name": name, "checksum": checksum, "folder": str(folder), "here": here, "checked": checked}

    def _hashed(self, name: str, checksum: str) -> str:
        """Whether the files of a data set are those of its card, and the card that of the run."""
        try:
            if load_card(name, self.root / CARDS).checksum != checksum:
                return "not hashed, the card here describes other data"
            verify(name, self.root / CARDS)
        except ArchipelagoError as error:
            return f"hashed, NOT SOUND: {error.problem}"
        return "hashed, sound"

    def _records(self, row: Row, path: Path) -> bool | None:
        """Whether the table's rows of a run are its records."""
        if self.table_file is None or not path.exists():
            return None
        records = pd.read_parquet(path)
        rows = self.rows_of([row])[list(records)]
        return rows.reset_index(drop=True).astype(records.dtypes).equals(records)

    def rows_of(self, rows: Sequence[Row]) -> pd.DataFrame:
        """Some runs' rows of the table."""
        return self.table.iloc[np.concatenate([self._places[names(row)] for row in rows])]

    @cached_property
    def _places(self) -> Mapping[Any, Any]:
        """Where each run's rows lie in the table."""
        return self.table.groupby(["arm", "condition", "seed"], observed=True).indices

    def _differences(
        self, here: Run, spec: Document | None, code: Document, partition: Document | None, data: Document | None
    ) -> Document:
        """What this checkout makes of the run's names, and where that differs from the run."""
        closure = asdict(self.history.closure(self.history.here, here.roots))
        ours = {
            "config": spec,
            "modules": code["modules"],
            "packages": code["packages"],
            "inputs": {"data": data and data["checksum"], "partition": partition and partition["key"]},
        }
        theirs = {"config": here.spec, **closure, "inputs": {kind: here.parts[kind] for kind in ours["inputs"]}}
        return {"key": here.key, **{kind: ours[kind] and changes(ours[kind], theirs[kind]) for kind in ours}}


def _made_again(path: Path, spec: Mapping[str, Any], data: Path) -> str:
    """Whether a partition's file holds what the run's specification makes of the data."""
    if not (data / SUMS).exists():
        return "not made again, its data is not here"
    labels, test_labels = (np.load(data / f"{part}_labels.npy", allow_pickle=False) for part in ("train", "test"))
    again = make_partition(spec["partition"], labels, spec["seed"], test_labels)
    return f"made again, {'the same' if Partition.load(path).checksum == again.checksum else 'ANOTHER'}"


def changes(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> dict[str, list[Any]]:
    """Where nested mappings differ: by path what stands there in the one and in the other, None where nothing does."""
    found: dict[str, list[Any]] = {}
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found |= changes(before, after, f"{path}{name}/")
        elif before != after:
            found[f"{path}{name}"] = [before, after]
    return found
