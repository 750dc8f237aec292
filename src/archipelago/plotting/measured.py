"""What is drawn: the study's quantities per unit, with the intervals that its verdicts use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from archipelago.errors import ArchipelagoError
from archipelago.plotting.config import Axis, Column, FigureConfig
from archipelago.randomness import numpy_stream
from archipelago.studies.effects import Measurements, Unit, mean_interval
from archipelago.studies.hypotheses import Cell, Pairing, check

RUN = ["arm", "condition", "seed"]


@dataclass(frozen=True)
class Mean:
    """Numbers of one arm in one column: ``values`` [n], their mean and its interval (both ends the mean if n = 1).

    ``conditions`` tells how many of the column's conditions the arm was run in.
    """

    values: np.ndarray
    mean: float
    low: float
    high: float
    conditions: int


class Numbers:
    """A study's table as its figures read it."""

    def __init__(self, study: Mapping[str, Any], table: pd.DataFrame) -> None:
        self.slug, self.table = str(study["slug"]), table
        named, self.hypotheses = check(
            self.slug,
            study["quantities"],
            study["hypotheses"],
            study["arms"],
            study["conditions"],
            study.get("pairing"),
        )
        self.measurements = Measurements(self.slug, named, table)

    def pairing(self, quantity: str | None = None) -> Pairing:
        """How most intervals of the verdicts, of those that use the quantity if any does, are made.

        A quantity that no hypothesis uses and that is not recorded per such unit is counted per seed.
        """
        parts = [part for one in self.hypotheses for part in one.parts if part.pairing.interval != "none"]
        pairings = [part.pairing for part in parts]
        using = [part.pairing for part in parts if quantity in {cell.quantity for cell in part.cells}]
        usual = max(using or pairings, key=(using or pairings).count, default=Pairing())
        if quantity is None or using:
            return usual
        metric = self.measurements.quantities[quantity].metric
        rows = self.table[self.table[metric].notna()] if metric in self.table else self.table
        recorded = rows.reindex(columns=list(usual.units)).notna().all(axis=1).any()
        return usual if recorded else replace(usual, units=("seed",))

    def has(self, config: FigureConfig) -> bool:
        """Whether any run in the table belongs into a figure.

        Raises:
            ArchipelagoError: a metric that the figure shows was not recorded.
        """
        if config.kind == "curves":
            for axis in filter(None, (config.y, config.x)):
                if axis.name not in self.table:
                    raise ArchipelagoError(
                        f"the runs recorded no {axis.name!r}",
                        study=self.slug,
                        key=f"figures.{config.name}",
                        remedy=f"The table has: {', '.join(sorted(map(str, self.table.columns)))}.",
                    )
            return not self.curves(config).empty
        axes = [axis for axis in (config.y, config.x) if axis]
        found = [sum(all(self.of(axis, arm, c) for axis in axes) for c in config.columns) for arm in config.arms]
        return max(found) >= (2 if config.kind == "scaling" else 1)

    def curves(self, config: FigureConfig) -> pd.DataFrame:
        """The rows that curves draw, by run and round; ``spent`` is the running total that they are drawn against."""
        table = self.table.sort_values([*RUN, "round"])
        if config.x:
            totals = table.groupby(RUN, observed=True)[config.x.name].cumsum()
            table = table.assign(spent=totals * config.x.factor)
        drawn = (
            table["arm"].isin(config.arms)
            & table["condition"].isin([column.conditions[0] for column in config.columns])
            & (table["round"] >= config.from_round)
            & np.isfinite(table[config.y.name])
        )
        return table[drawn]

    def interval(self, values: dict[Unit, float], pairing: Pairing) -> tuple[float, float]:
        """The interval of the mean, the mean itself if there is none; equal numbers give equal intervals."""
        stream = numpy_stream(0, "bootstrap", self.slug, "figures")
        mean = sum(values.values()) / len(values)
        return mean_interval(values, pairing, stream) or (mean, mean)

    def of(self, axis: Axis, arm: str, column: Column) -> Mean | None:
        """The axis' quantity of an arm per unit, folded over those conditions of the column in which it was run."""
        pairing = self.pairing(axis.name)
        run = tuple(c for c in column.conditions if self.measurements.measure(axis.name, arm, c, pairing.units))
        if not run:
            return None
        values = self.measurements.cell(Cell(axis.name, arm, run, column.fold), pairing.units).values
        if not values:
            return None
        scaled = {unit: axis.factor * value for unit, value in values.items()}
        numbers = np.array(list(scaled.values()))
        return Mean(numbers, float(numbers.mean()), *self.interval(scaled, pairing), conditions=len(run))


def words(pairing: Pairing, counts: Collection[int]) -> str:
    """The line under a figure: what its marks are, and n."""
    n = f"{min(counts)}" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    unit = f"{pairing.units[0]}s" if len(pairing.units) == 1 else f"({' × '.join(pairing.units)})"
    interval = "" if pairing.interval == "none" else f" and {100 * pairing.level:g} % {pairing.interval} interval"
    return f"mean{interval}, n = {n} {unit}"
