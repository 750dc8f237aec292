"""A study's table in short: what the arms reached, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from archipelago.plotting.config import Axis, Column
from archipelago.plotting.measured import RUN, Numbers
from archipelago.studies.hypotheses import Hypothesis
from archipelago.studies.quantities import FirstReaching

# What a cost is called, the columns that make it up, and how a run's rows give it: records of each round are added up,
# running totals are read at the end.
COSTS = (
    ("CPU seconds", ("run_cpu_seconds",), "max"),
    ("gradient evaluations", ("gradient_evaluations",), "sum"),
    ("gradient evaluations a node", ("grad_computations",), "max"),
    ("MB sent", ("bytes_down", "bytes_up"), "sum"),
    ("MB sent a node", ("bytes_sent",), "max"),
)


@dataclass(frozen=True)
class Reached:
    """Mean and standard deviation (None if n = 1) of a quantity of one arm in one condition over n units."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True)
class Summary:
    """``results``: condition -> arm -> quantity -> what was reached; ``costs``: arm -> name -> mean of its runs.

    ``made_of``: hypothesis -> condition -> the arms whose runs there it is computed from.
    """

    results: dict[str, dict[str, dict[str, Reached]]]
    costs: dict[str, dict[str, float]]
    runs: dict[str, int]
    made_of: dict[str, dict[str, list[str]]]


def summarise(study: Mapping[str, Any], table: pd.DataFrame) -> Summary:
    """All quantities of a study for every arm and condition in the table, and the mean costs of an arm's runs."""
    numbers = Numbers(study, table)
    results: dict[str, dict[str, dict[str, Reached]]] = {}
    for condition in study["conditions"]:
        for arm in study["arms"]:
            for quantity in study["quantities"]:
                mean = numbers.of(Axis(quantity, quantity, False), arm, Column(condition, (condition,)))
                if mean:
                    sd = float(mean.values.std(ddof=1)) if len(mean.values) > 1 else None
                    reached = Reached(mean.mean, sd, len(mean.values))
                    results.setdefault(condition, {}).setdefault(arm, {})[quantity] = reached
    counts = table.groupby(RUN, observed=True).size().groupby("arm", observed=True).size()
    ordered = [arm for arm in study["arms"] if arm in counts.index]
    costs = costs_of(table)
    return Summary(
        results,
        {arm: costs.get(arm, {}) for arm in ordered},
        {arm: int(counts[arm]) for arm in ordered},
        {one.name: _made_of(one, numbers, table) for one in numbers.hypotheses},
    )


def costs_of(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """What a run of each arm costs in the mean over its runs in the table: arm -> name of the cost -> value."""
    runs = table.groupby(RUN, observed=True)
    costs: dict[str, dict[str, float]] = {}
    for name, columns, fold in COSTS:
        present = [column for column in columns if column in table and table[column].notna().any()]
        if present:
            a_run = runs[present].agg(fold).sum(axis=1) * (1e-6 if name.startswith("MB") else 1)
            for arm, value in a_run.groupby("arm", observed=True).mean().items():
                costs.setdefault(str(arm), {})[name] = float(value)
    return costs


def _made_of(hypothesis: Hypothesis, numbers: Numbers, table: pd.DataFrame) -> dict[str, list[str]]:
    """The arms of a hypothesis by condition, among them those that only set the target of a first-reaching time."""
    run = set(zip(table["arm"], table["condition"], strict=True))
    found: dict[str, list[str]] = {}
    for part in (*hypothesis.parts, *hypothesis.guards):
        for cell in part.cells:
            reading = numbers.measurements.quantities[cell.quantity].reading
            target = reading.target if isinstance(reading, FirstReaching) else None
            for arm in (cell.arm, *(target[1:] if isinstance(target, tuple) else ())):
                for condition in cell.conditions:
                    if (arm, condition) in run and arm not in found.setdefault(condition, []):
                        found[condition].append(arm)
    return found
