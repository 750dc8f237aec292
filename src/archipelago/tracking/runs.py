"""What there is to log of a run: its records as curves, its specification as parameters."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archipelago.errors import ArchipelagoError

Row = dict[str, Any]
Columns = tuple[str, ...]
Curve = dict[int, float]
"""Values by round."""


@dataclass(frozen=True)
class TrackedRun:
    """A finished run, and the place it has in a study.

    ``folder`` holds ``records.parquet``. ``diverged`` is the study's judgement, as in the table of runs.
    """

    arm: str
    condition: str
    seed: int
    scale: str
    key: str
    spec: Mapping[str, Any]
    folder: Path
    data_checksum: str
    partition_checksum: str | None = None
    diverged: bool = False


@dataclass(frozen=True)
class Records:
    """Recorded numbers by metric and round; of recorded texts, the last one by name."""

    curves: dict[str, Curve] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def read_records(runs: Sequence[TrackedRun]) -> list[Records]:
    """The records of each run.

    Raises:
        ArchipelagoError: a run's ``records.parquet`` is missing or broken.
    """
    rows = {run.key: _rows(run) for run in runs}
    index = _index(rows)
    return [_curves(rows[run.key], index) for run in runs]


def _rows(run: TrackedRun) -> list[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(run.folder / "records.parquet").read(use_threads=False)
    except (OSError, pyarrow.ArrowException) as error:
        remedy = "Delete the run's folder and train it again."
        raise ArchipelagoError(f"the records of run {run.key} cannot be read ({error})", remedy=remedy) from error
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


def _columns(row: Row) -> Columns:
    return tuple(name for name in row if name != "round")


def _index(runs: Mapping[str, Sequence[Row]]) -> dict[Columns, Columns]:
    """The index columns of each kind of row; rows are of one kind if they fill the same columns.

    Index columns come first in a row, so they are the shortest beginning that tells a run's rows of one round apart.
    All runs are looked at together, lest a run with few rows name its metrics differently.
    """
    kinds: dict[Columns, list[tuple[str, Row]]] = defaultdict(list)
    for key, rows in runs.items():
        for row in rows:
            kinds[_columns(row)].append((key, row))

    def index(columns: Columns, rows: list[tuple[str, Row]]) -> Columns:
        for n in range(len(columns)):
            if len({(key, row["round"], *(row[c] for c in columns[:n])) for key, row in rows}) == len(rows):
                return columns[:n]
        return ()

    return {columns: index(columns, rows) for columns, rows in kinds.items()}


def _curves(rows: Sequence[Row], index: Mapping[Columns, Columns]) -> Records:
    records = Records()
    for row in rows:
        columns = _columns(row)
        by = index[columns]
        place = "".join(f"/{name} {_level(row[name])}" for name in by)
        for name in columns[len(by) :]:
            if isinstance(row[name], str):
                records.texts[legal(name + place)] = row[name]
            else:
                records.curves.setdefault(legal(name + place), {})[int(row["round"])] = float(row[name])
    return records


def _level(value: float | str) -> str:
    # Whole numbers are floats in a column that some rows leave empty.
    return value if isinstance(value, str) else f"{value:g}"


def mean(curves: Sequence[Mapping[str, Curve]]) -> dict[str, Curve]:
    """The mean curve of each metric, in each round over the runs that recorded it; not finite where one is not."""
    gathered: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in curves:
        for name, curve in run.items():
            for round_, value in curve.items():
                gathered[name][round_].append(value)
    return {
        name: {round_: sum(values) / len(values) for round_, values in sorted(curve.items())}
        for name, curve in gathered.items()
    }


def parameters(spec: Mapping[str, Any]) -> dict[str, str]:
    """The specification, flat: ``{"method": <class path>, "method.lr": "0.1", "partition.clients": "20", ...}``."""
    return {legal(name): text for name, text in _flat("", spec)}


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and "class_path" in value:
        yield name, value["class_path"]
        yield from _flat(name, value.get("init_args", {}))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}" if name else key, part)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)


def legal(name: str) -> str:
    """The name with everything replaced that MLflow refuses in names of metrics, parameters and tags."""
    return re.sub(r"[^/\w.\- ]", "_", name)
