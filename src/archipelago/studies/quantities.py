"""Quantities: what one number is read from a run's curve.

A study names its quantities once, and its hypotheses speak of them::

    quantities:
      final:     {metric: test_accuracy, last: 5}
      to_target: {metric: test_accuracy, first_reaching: {quantity: final, arm: fedavg}}

This module only knows how a curve is read. Snakemake imports it at every start, so it imports nothing heavy.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from archipelago.studies.fields import Field

Curve = Sequence[tuple[int, float]]
"""Recorded (round, value) pairs of one unit, in the order of rounds."""

FOLDS: dict[str, Callable[[Iterable[float]], float]] = {"min": min, "max": max, "mean": statistics.fmean}


@dataclass(frozen=True)
class Last:
    """The mean of the last ``count`` recorded values, or of all where there are fewer."""

    count: int

    def read(self, curve: Curve) -> float | None:
        """The number, or None if the curve does not hold it."""
        return statistics.fmean(value for _, value in curve[-self.count :])


@dataclass(frozen=True)
class Rounds:
    """The mean of what was recorded in the rounds ``first`` to ``last``, both included."""

    first: int
    last: int

    def read(self, curve: Curve) -> float | None:
        """The number, or None if the curve has no value there or ends before the window does."""
        window = [value for round_, value in curve if self.first <= round_ <= self.last]
        return statistics.fmean(window) if window and curve[-1][0] >= self.last else None


@dataclass(frozen=True)
class AllRows:
    """The smallest, the largest or the mean of all rows, whatever tells them apart (rounds, repeats, shuffles)."""

    fold: str

    def read(self, curve: Curve) -> float | None:
        """The number; it is always there."""
        return FOLDS[self.fold](value for _, value in curve)


@dataclass(frozen=True)
class Share:
    """The fraction of the recorded rounds after round ``after`` in which the metric is less than ``below``."""

    below: float
    after: int

    def read(self, curve: Curve) -> float | None:
        """The fraction, or None if nothing was recorded after that round."""
        hits = [value < self.below for round_, value in curve if round_ > self.after]
        return statistics.fmean(hits) if hits else None


@dataclass(frozen=True)
class FirstReaching:
    """The first recorded round with a value >= the target; a curve that never gets there is censored at its end.

    The target is a number, or another quantity of an arm: of the same unit under the same condition.
    """

    target: float | tuple[str, str]

    def read(self, curve: Curve, target: float) -> tuple[int, bool]:
        """The round, and whether it is only the curve's last one: a lower bound of the time it would have taken."""
        reached = (round_ for round_, value in curve if value >= target)
        first = next(reached, None)
        return (curve[-1][0], True) if first is None else (first, False)


Reading = Last | Rounds | AllRows | Share | FirstReaching


@dataclass(frozen=True)
class Quantity:
    """A number per unit: how the rows of ``metric`` in which the index columns equal ``where`` are read."""

    name: str
    metric: str
    where: tuple[tuple[str, float | str], ...]
    reading: Reading


READINGS = ("last", "at", "rounds", "all_rows", "share", "first_reaching")


def parse_quantities(section: Field, arms: Collection[str] | None) -> dict[str, Quantity]:
    """The study's quantities by name. ``arms``: those a target may name (None: any).

    Raises:
        ArchipelagoError: an unknown key, a wrong type, or a target that names no arm or no plain quantity.
    """
    entries = section.mapping()
    plain = [name for name, entry in entries.items() if entry.is_a(dict) and "first_reaching" not in entry.value]
    return {name: _quantity(name, entry, plain, arms) for name, entry in entries.items()}


def _quantity(name: str, entry: Field, plain: Collection[str], arms: Collection[str] | None) -> Quantity:
    fields = entry.mapping({"metric", "where", *READINGS}, required=["metric"])
    chosen = [reading for reading in READINGS if reading in fields]
    if len(chosen) > 1:
        entry.fail(f"{' and '.join(chosen)} exclude each other", "Keep one: they are ways to read the same curve.")
    reading = _reading(chosen[0], fields[chosen[0]], plain, arms) if chosen else Last(1)
    where = fields["where"].mapping() if "where" in fields else {}
    return Quantity(
        name, fields["metric"].name(None, "a metric"), tuple((k, _level(v)) for k, v in where.items()), reading
    )


def _reading(kind: str, field: Field, plain: Collection[str], arms: Collection[str] | None) -> Reading:
    if kind == "last":
        return Last(field.integer(1))
    if kind == "at":
        return Rounds(field.integer(1), field.integer(1))
    if kind == "rounds":
        bounds = [item.integer(1) for item in field.items()]
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            field.fail(f"expected [first, last], found {field.shown}")
        return Rounds(*bounds)
    if kind == "all_rows":
        return AllRows(field.name(FOLDS, "way to fold rows"))
    if kind == "share":
        fields = field.mapping({"below", "after"}, required=["below"])
        return Share(fields["below"].number(), fields["after"].integer(0) if "after" in fields else 0)
    if not field.is_a(dict):
        return FirstReaching(field.number())
    fields = field.mapping({"quantity", "arm"}, required=["quantity", "arm"])
    return FirstReaching((fields["quantity"].name(plain, "quantity without a target"), fields["arm"].name(arms, "arm")))


def _level(field: Field) -> float | str:
    return field.value if field.is_a(str) else field.number()
