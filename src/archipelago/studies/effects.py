"""Effects: from a table to a number with an interval.

Every quantity is one number per unit; every comparison is again one number per unit, and its effect is their mean (a
geometric one for ratios). So one t interval and one bootstrap serve all of them. Fits go through the unit means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from archipelago.errors import ArchipelagoError
from archipelago.studies.hypotheses import Cell, Comparison, Effect, Fit, Interaction, Pairing, Side
from archipelago.studies.quantities import FOLDS, AllRows, FirstReaching, Quantity

Unit = tuple[Any, ...]
"""The values of the unit columns, e.g. ``(seed,)`` or ``(shuffle, seed)``."""

RESAMPLES = 10_000


@dataclass(frozen=True)
class Sample:
    """One number per unit, and all that limits what may be concluded from it.

    ``flaws`` tells of runs that took part and gave no number (diverged, missing); ``too_small`` and ``too_large`` are
    the units whose number only bounds the true one, because a time was censored; ``notes`` is for the reader.
    """

    values: dict[Unit, float] = field(default_factory=dict)
    flaws: tuple[str, ...] = ()
    too_small: frozenset[Unit] = frozenset()
    too_large: frozenset[Unit] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The mean over units, NaN if there are none."""
        return math.fsum(self.values.values()) / len(self.values) if self.values else math.nan


@dataclass(frozen=True)
class Estimate:
    """An effect with its interval (None if there is none); ``values`` are those of ``n`` units, or points of a fit."""

    effect: float
    interval: tuple[float, float] | None
    values: dict[str, float]
    unit: str
    sample: Sample

    @property
    def n(self) -> int:
        """How many units, or points of a fit, the effect is the mean of."""
        return len(self.values)


class Measurements:
    """A study's table, read through its quantities."""

    def __init__(
        self,
        study: str,
        quantities: dict[str, Quantity],
        table: pd.DataFrame,
        asked: Collection[tuple[str, str, int]] | None = None,
    ) -> None:
        """``asked``: the (arm, condition, seed) of all runs asked for; one that the table lacks is a flaw."""
        self.study, self.quantities, self.table = study, quantities, table
        self.asked = asked or ()
        self.measure: Callable[[str, str, str, tuple[str, ...]], Sample | None] = cache(self._measure)

    def missing(self, cell: Cell, units: tuple[str, ...]) -> list[str]:
        """What of the cell no run in the table has."""
        single = (replace(cell, conditions=(condition,)) for condition in cell.conditions)
        return [str(one) for one in single if self.measure(one.quantity, one.arm, one.conditions[0], units) is None]

    def _measure(self, name: str, arm: str, condition: str, units: tuple[str, ...]) -> Sample | None:
        """The quantity of every unit of one arm under one condition; None if no run there has it."""
        quantity, reading = self.quantities[name], self.quantities[name].reading
        rows = self.table[(self.table["arm"] == arm) & (self.table["condition"] == condition)]
        if rows.empty:
            return None
        goal = Sample()
        if isinstance(reading, FirstReaching) and isinstance(reading.target, tuple):
            target = self.measure(reading.target[0], reading.target[1], condition, units)
            if target is None:
                return None
            goal = target
        here = f"{arm} in {condition}"
        seeds = {int(seed) for seed in rows["seed"]}
        diverged = {int(seed) for seed in rows.loc[rows["diverged"].astype(bool), "seed"]}
        unseen = {seed for a, c, seed in self.asked if (a, c) == (arm, condition)} - seeds
        flaws = [f"{here}: seed {seed} diverged" for seed in sorted(diverged)]
        flaws += [f"{here}: seed {seed} was asked for and is missing" for seed in sorted(unseen)]

        rows = self._matching(rows[~rows["seed"].isin(diverged)], quantity, units)
        values: dict[Unit, float] = {}
        censored, read = set(), set()
        for keys, group in rows.sort_values(["round", quantity.metric]).groupby(list(units), sort=True):
            unit = tuple(_plain(key) for key in keys)
            if not isinstance(reading, AllRows) and group["round"].duplicated().any():
                raise ArchipelagoError(
                    f"{here}, {' x '.join(units)} {_label(unit)}: several rows of {quantity.metric} in one round",
                    study=self.study,
                    key=f"quantities.{name}",
                    remedy="Fix the other index columns with `where:`, name them in `units:`, or use `all_rows:`.",
                )
            curve = list(zip(group["round"].astype(int), group[quantity.metric].astype(float), strict=True))
            late = False
            value: float | None = None
            if not isinstance(reading, FirstReaching):
                value = reading.read(curve)
            elif isinstance(reading.target, float):
                value, late = reading.read(curve, reading.target)
            elif unit in goal.values:
                value, late = reading.read(curve, goal.values[unit])
            censored |= {unit} if late else set()
            if value is not None and math.isfinite(value):
                values[unit] = value
                read |= {int(seed) for seed in group["seed"]}
        if not values and not flaws and not goal.flaws:
            return None
        flaws += [f"{here}: seed {seed} has no {name}" for seed in sorted(seeds - diverged - read)]
        return Sample(values, (*flaws, *goal.flaws), too_small=frozenset(censored))

    def _matching(self, rows: pd.DataFrame, quantity: Quantity, units: tuple[str, ...]) -> pd.DataFrame:
        for column in (quantity.metric, *units, *(name for name, _ in quantity.where)):
            if column not in self.table:
                raise ArchipelagoError(
                    f"the runs recorded no {column!r}",
                    study=self.study,
                    key=f"quantities.{quantity.name}",
                    remedy=f"The table has: {', '.join(sorted(map(str, self.table.columns)))}.",
                )
        for column, level in quantity.where:
            same = rows[column] == level if isinstance(level, str) else np.isclose(rows[column].astype(float), level)
            rows = rows[same]
        return rows[rows[quantity.metric].notna()]

    def cell(self, cell: Cell, units: tuple[str, ...]) -> Sample:
        """The cell's number per unit, folded over its conditions."""
        samples = [self.measure(cell.quantity, cell.arm, one, units) or Sample() for one in cell.conditions]
        return samples[0] if len(samples) == 1 else _combine(FOLDS[cell.fold], samples)

    def side(self, side: Side, units: tuple[str, ...]) -> Sample:
        """The side's number per unit. Of several cells one is picked by its mean over the units that all have."""
        samples = [self.cell(cell, units) for cell in side.cells]
        if len(samples) == 1:
            return samples[0]
        common = set.intersection(*(set(sample.values) for sample in samples))
        means = [replace(s, values={unit: s.values[unit] for unit in sorted(common)}).mean for s in samples]
        at = means.index((max if side.pick == "max" else min)(means))
        told = ", ".join(f"{cell.arm} {mean:.4g}" for cell, mean in zip(side.cells, means, strict=True))
        note = f"{side.cells[at].arm} has the {side.pick} of the means over {len(common)} common units ({told})"
        flaws = tuple(dict.fromkeys(flaw for sample in samples for flaw in sample.flaws))
        return replace(samples[at], flaws=flaws, notes=(*samples[at].notes, note))

    def comparison(self, comparison: Comparison, units: tuple[str, ...]) -> Sample:
        """The comparison's number per unit that both sides have; of a ratio, its logarithm."""
        of = self.side(comparison.of, units)
        if comparison.against is None:
            return of
        against = self.side(comparison.against, units)
        # A time that would have been longer makes the comparison larger if it is on this side of it, else smaller.
        turned = replace(against, too_small=against.too_large, too_large=against.too_small)
        if comparison.kind == "difference":
            return _combine(lambda pair: pair[0] - pair[1], [of, turned])
        if comparison.kind == "excess":
            return _combine(lambda pair: pair[0] / pair[1] - 1 if pair[1] else math.nan, [of, turned])
        return _combine(lambda pair: math.log(pair[0] / pair[1]) if min(pair) > 0 else math.nan, [of, turned])

    def estimate(self, effect: Effect, pairing: Pairing, stream: np.random.Generator) -> Estimate:
        """The effect with its interval; ``stream`` feeds the bootstrap."""
        if isinstance(effect, Fit):
            return self._fit(effect, pairing)
        if isinstance(effect, Interaction):
            first, second = (self.comparison(one, pairing.units) for one in (effect.first, effect.second))
            sample = _combine(lambda pair: pair[0] - pair[1], [first, second])
        else:
            sample = self.comparison(effect, pairing.units)
        interval = mean_interval(sample.values, pairing, stream)
        back: Callable[[float], float] = float
        if isinstance(effect, Comparison) and effect.kind == "ratio":
            back = math.exp
        return Estimate(
            back(sample.mean),
            interval and (back(interval[0]), back(interval[1])),
            {_label(unit): back(value) for unit, value in sample.values.items()},
            " x ".join(pairing.units),
            sample,
        )

    def _fit(self, fit: Fit, pairing: Pairing) -> Estimate:
        samples = [self.comparison(comparison, pairing.units) for _, comparison in fit.points]
        back = math.exp if fit.points[0][1].kind == "ratio" else float
        x, y = np.array([x for x, _ in fit.points]), np.array([back(sample.mean) for sample in samples])
        seen = frozenset().union(*(s.too_small for s in samples)), frozenset().union(*(s.too_large for s in samples))
        if fit.kind == "power":  # a bound at one end of the line tilts it either way
            seen = (seen[0] | seen[1],) * 2
        whole = Sample(
            flaws=tuple(flaw for sample in samples for flaw in sample.flaws),
            too_small=seen[0],
            too_large=seen[1],
            notes=tuple(dict.fromkeys(note for sample in samples for note in sample.notes)),
        )
        values = {f"x = {a:.4g}": float(b) for a, b in zip(x, y, strict=True)}
        if not np.isfinite(y).all() or (fit.kind == "power" and (y <= 0).any()):
            whole = replace(whole, notes=(*whole.notes, f"no {fit.kind} fit goes through {values}"))
            return Estimate(math.nan, None, values, "point", whole)
        slope, interval = least_squares(fit.kind, x, y, pairing.level)
        return Estimate(slope, interval if pairing.interval != "none" else None, values, "point", whole)


def mean_interval(
    values: dict[Unit, float], pairing: Pairing, stream: np.random.Generator
) -> tuple[float, float] | None:
    """An interval for the mean of the units' values; None if it was not asked for or there are fewer than two.

    ``t``: Student's, over units. ``bootstrap``: the percentiles of 10 000 resampled means. Where units are named by
    several columns, the levels of each column are resampled on their own and a unit counts as often as all its levels
    were drawn together (the pigeonhole bootstrap, Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics):
    values that share a shuffle or a seed are not independent, and this does not take them to be. It is conservative.
    """
    if pairing.interval == "none" or len(values) < 2:
        return None
    units = sorted(values)
    x = np.array([values[unit] for unit in units])
    if pairing.interval == "t":
        half = stats.t.ppf((1 + pairing.level) / 2, len(x) - 1) * stats.sem(x)
        return float(x.mean() - half), float(x.mean() + half)
    weights = np.ones((RESAMPLES, len(units)))
    for column in zip(*units, strict=True):
        levels, place = np.unique(np.array(column), return_inverse=True)
        weights *= stream.multinomial(len(levels), np.full(len(levels), 1 / len(levels)), size=RESAMPLES)[:, place]
    weights = weights[weights.any(axis=1)]  # where the crossing has holes a draw can be empty
    means = weights @ x / weights.sum(axis=1)
    low, high = np.quantile(means, [(1 - pairing.level) / 2, (1 + pairing.level) / 2])
    return float(low), float(high)


def least_squares(kind: str, x: np.ndarray, y: np.ndarray, level: float) -> tuple[float, tuple[float, float]]:
    """The slope of y = c x (``proportional``) or of log y = a + p log x (``power``), with its ordinary t interval."""
    from statsmodels.api import OLS, add_constant  # a second of import that only fits pay for

    model = OLS(np.log(y), add_constant(np.log(x))) if kind == "power" else OLS(y, x[:, None])
    fitted = model.fit()
    low, high = fitted.conf_int(1 - level)[-1]
    return float(fitted.params[-1]), (float(low), float(high))


def _combine(fold: Callable[[list[float]], float], samples: list[Sample]) -> Sample:
    """Fold the samples' numbers unit by unit, over the units that all of them have."""
    common = sorted(set.intersection(*(set(sample.values) for sample in samples)))
    values = {unit: float(fold([sample.values[unit] for sample in samples])) for unit in common}
    undefined = [unit for unit in common if not math.isfinite(values[unit])]
    alone = sorted(set().union(*(sample.values for sample in samples)) - set(common))
    flaws = [flaw for sample in samples for flaw in sample.flaws]
    flaws += [f"undefined at {_label(unit)}, where a value is not positive" for unit in undefined]
    notes = [note for sample in samples for note in sample.notes]
    notes += [f"left out, as not every cell has it: {'; '.join(map(_label, alone))}"] if alone else []
    return Sample(
        {unit: values[unit] for unit in common if unit not in undefined},
        tuple(dict.fromkeys(flaws)),
        frozenset().union(*(sample.too_small for sample in samples)) & set(common),
        frozenset().union(*(sample.too_large for sample in samples)) & set(common),
        tuple(dict.fromkeys(notes)),
    )


def _plain(key: Any) -> Any:
    """An index value as it reads best: pandas makes floats of integers where a column has gaps."""
    return int(key) if isinstance(key, float | np.number) and float(key).is_integer() else key


def _label(unit: Unit) -> str:
    return ", ".join(map(str, unit))
