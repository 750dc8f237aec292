"""Tables made by hand, for the tests of quantities, effects and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

Row = dict[str, Any]


def run(arm: str, condition: str, seed: int, diverged: bool = False, **curves: Sequence[float]) -> list[Row]:
    """The rows of one run: each metric's curve from round 1."""
    length = max(len(curve) for curve in curves.values())
    return [
        {
            "arm": arm,
            "condition": condition,
            "seed": seed,
            "key": f"{arm}-{condition}-{seed}",
            "round": i + 1,
            "diverged": diverged,
            **{metric: curve[i] for metric, curve in curves.items() if i < len(curve)},
        }
        for i in range(length)
    ]


def indexed(
    arm: str, condition: str, seed: int, rows: Iterable[Mapping[str, Any]], diverged: bool = False
) -> list[Row]:
    """The rows of one run that recorded them all in its one round."""
    name = {"arm": arm, "condition": condition, "seed": seed, "key": f"{arm}-{condition}-{seed}", "round": 1}
    return [{**name, "diverged": diverged, **row} for row in rows]


def table(*runs: list[Row]) -> pd.DataFrame:
    return pd.DataFrame([row for rows in runs for row in rows])


def pairs(of: Sequence[float], against: Sequence[float], condition: str = "c") -> pd.DataFrame:
    """Arms ``a`` and ``b`` with one value of ``m`` for each seed from 1."""
    return table(
        *(run("a", condition, seed, m=[value]) for seed, value in enumerate(of, 1)),
        *(run("b", condition, seed, m=[value]) for seed, value in enumerate(against, 1)),
    )
