"""The table of a study's runs, and its verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from archipelago.address.files import read_json, write_aside, write_json
from archipelago.address.sums import check_sums, write_sums
from archipelago.errors import ArchipelagoError
from archipelago.studies.verdicts import judge

DAMAGES = (OSError, ValueError, KeyError, TypeError)
"""What reading a damaged Parquet file raises: it depends on the place of the damage."""

NAMES = ["arm", "condition", "seed", "key", "round"]


def collect(rows: Iterable[Mapping[str, Any]], runs: Path) -> pd.DataFrame:
    """The table: all records of all runs under the names the study gives them.

    Args:
        rows: for each run its ``arm``, ``condition``, ``seed`` and ``key``.
        runs: the folder that holds the runs by key.

    Returns:
        Columns ``arm``, ``condition``, ``seed``, ``key``, ``round``, index columns and metrics as recorded,
        ``diverged`` (whether a loss of the run was ever not finite) and ``run_cpu_seconds``.
    """
    frames = []
    for row in rows:
        folder = runs / row["key"]
        try:
            check_sums(folder, "records.parquet", "cost.json")
            records = pd.read_parquet(folder / "records.parquet")
            cost = read_json(folder / "cost.json")
        except (*DAMAGES, ArchipelagoError) as error:
            raise ArchipelagoError(
                f"run {row['key']} of arm {row['arm']!r} cannot be read ({error})",
                key="store",
                remedy=f"Delete {folder} and run snakemake again, or `dvc pull`.",
            ) from error
        records = records.assign(
            arm=row["arm"],
            condition=row["condition"],
            seed=row["seed"],
            key=row["key"],
            run_cpu_seconds=cost["cpu_seconds"],
        )
        frames.append(records)
    table = pd.concat(frames, ignore_index=True)
    for name in ("arm", "condition", "key"):
        table[name] = table[name].astype("category")
    return table[[*NAMES, *(name for name in table.columns if name not in NAMES)]]


def read_table(path: Path) -> pd.DataFrame:
    """Read a study's table.

    Raises:
        ArchipelagoError: the file is missing or damaged.
    """
    try:
        return pd.read_parquet(path)
    except DAMAGES as error:
        raise ArchipelagoError(
            f"{path} cannot be read ({error})",
            key="results",
            remedy="Delete it and give the same command again, or `dvc pull`.",
        ) from error


def evaluate(study: Mapping[str, Any], rows: list[dict[str, Any]], runs: Path, folder: Path) -> None:
    """Write ``runs.parquet`` and ``verdicts.json`` of a study into a folder."""
    table = collect(rows, runs)
    asked = [(row["arm"], row["condition"], row["seed"]) for row in rows]
    verdicts = judge(study["slug"], study["quantities"], study["hypotheses"], table, study.get("pairing"), asked)
    numbers = table.select_dtypes("float64").columns
    with write_aside(folder / "runs.parquet") as part:
        # Evidence is kept in git: this encoding takes a third less than Parquet's own choice, and loses nothing.
        table.to_parquet(
            part,
            index=False,
            compression="zstd",
            compression_level=19,
            use_dictionary=[name for name in table.columns if name not in numbers],
            column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        )
    write_json(folder / "verdicts.json", verdicts)
    write_sums(folder)
