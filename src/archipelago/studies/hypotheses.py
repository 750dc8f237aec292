"""Hypotheses: statements over a study's table, as typed objects read strictly from its file.

::

    hypotheses:
      H1:
        statement: FedSpeed beats the best tuned baseline by half a point
        parts:
          - effect: difference
            quantity: final
            condition: mlp
            of: fedspeed
            against: {largest_of: [fedavg, feddyn, scaffold]}
            at_least: 0.005
            interval_above: 0

``docs/verdicts.md`` explains every key, and how a verdict follows. Snakemake imports this module at every start, so it
imports nothing heavy; the numbers are computed in ``effects`` and judged in ``verdicts``.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from archipelago.studies.fields import Field
from archipelago.studies.quantities import Quantity, parse_quantities


@dataclass(frozen=True)
class Pairing:
    """What is compared with what, and how sure one may be of the mean over it.

    ``units``: the columns of the table that name a unit (crossed where there are several); ``interval``: ``bootstrap``
    (percentile), ``t``, or ``none`` for a fact that the point alone decides; ``level``: the interval's coverage.
    """

    units: tuple[str, ...] = ("seed",)
    interval: str = "bootstrap"
    level: float = 0.9


@dataclass(frozen=True)
class Cell:
    """A quantity of one arm: under one condition, or folded per unit (``min``, ``max``, ``mean``) over several."""

    quantity: str
    arm: str
    conditions: tuple[str, ...]
    fold: str = "mean"

    def __str__(self) -> str:
        many = f"{self.fold} over " if len(self.conditions) > 1 else ""
        return f"{self.quantity}({self.arm}, {many}{', '.join(self.conditions)})"


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a cell, or the one among several whose mean over units is the ``max`` or ``min``."""

    cells: tuple[Cell, ...]
    pick: str = "max"

    def __str__(self) -> str:
        if len(self.cells) == 1:
            return str(self.cells[0])
        return f"{self.pick}[{', '.join(map(str, self.cells))}]"


@dataclass(frozen=True)
class Comparison:
    """``value`` is of, ``difference`` of - against, ``ratio`` of / against, ``excess`` of / against - 1."""

    kind: str
    of: Side
    against: Side | None = None

    def __str__(self) -> str:
        forms = {"value": "{0}", "difference": "{0} - {1}", "ratio": "{0} / {1}", "excess": "{0} / {1} - 1"}
        return forms[self.kind].format(self.of, self.against)


@dataclass(frozen=True)
class Interaction:
    """A difference of differences: ``first`` - ``second``."""

    first: Comparison
    second: Comparison

    def __str__(self) -> str:
        return f"({self.first}) - ({self.second})"


@dataclass(frozen=True)
class Fit:
    """A least-squares fit through points (x, y): ``proportional`` is c in y = c x, ``power`` is p in y = c x^p."""

    kind: str
    points: tuple[tuple[float, Comparison], ...]

    def __str__(self) -> str:
        law = {"proportional": "c of y = c x", "power": "p of y = c x^p"}[self.kind]
        return f"{law} through {'; '.join(f'x = {x:.4g}, y = {y}' for x, y in self.points)}"


Effect = Comparison | Interaction | Fit


@dataclass(frozen=True)
class Criteria:
    """What is claimed of an effect: bounds on its point estimate and on its interval, a number the interval holds."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    interval_above: float | None = None
    interval_below: float | None = None
    interval_holds: float | None = None

    def __str__(self) -> str:
        claims = {field.name: getattr(self, field.name) for field in fields(self)}
        return " and ".join(f"{name.replace('_', ' ')} {v:.4g}" for name, v in claims.items() if v is not None)


@dataclass(frozen=True)
class Part:
    """One claim; ``key`` is its place in the hypothesis."""

    key: str
    effect: Effect
    criteria: Criteria
    pairing: Pairing

    @property
    def cells(self) -> Iterator[Cell]:
        """Every cell that takes part, candidates that will not be picked included."""
        for comparison in _comparisons(self.effect):
            yield from comparison.of.cells
            yield from comparison.against.cells if comparison.against else ()


@dataclass(frozen=True)
class Hypothesis:
    """All parts of at least one alternative hold. Where a guard holds, nothing can be concluded."""

    name: str
    statement: str
    alternatives: tuple[tuple[Part, ...], ...]
    guards: tuple[Part, ...] = ()

    @property
    def parts(self) -> list[Part]:
        """The parts of all alternatives, in the order of the file."""
        return list(itertools.chain.from_iterable(self.alternatives))


COMPARISONS = ("value", "difference", "ratio", "excess")
FITS = {"proportional": 2, "power": 3}  # the fewest points that leave a residual
INTERVALS = ("bootstrap", "t", "none")
PICKS = {"largest_of": "max", "smallest_of": "min"}
CONDITION_FOLDS = {**PICKS, "mean_of": "mean"}
POINT_CRITERIA = ("at_least", "above", "at_most", "below")
INTERVAL_CRITERIA = ("interval_above", "interval_below", "interval_holds")


def check(
    study: str,
    quantities: dict[str, Any],
    hypotheses: dict[str, Any],
    arms: Collection[str] | None,
    conditions: Collection[str] | None,
    pairing: dict[str, Any] | None = None,
) -> tuple[dict[str, Quantity], list[Hypothesis]]:
    """Read a study's ``quantities``, ``hypotheses`` and ``pairing`` sections without any table.

    Args:
        study: its slug, for messages.
        quantities: the section as it is in the file.
        hypotheses: likewise.
        arms: the arms that may be named; None if any may.
        conditions: the conditions that may be named; None if any may.
        pairing: the study's default: ``{units: seed, interval: bootstrap, level: 0.9}`` where it says nothing.

    Raises:
        ArchipelagoError: unknown key or name, wrong type, a claim that cannot be judged; with place and remedy.
    """
    named = parse_quantities(Field(study, "quantities", quantities), arms)
    reader = _Reader(named, arms, conditions)
    default = reader.pairing(Field(study, "pairing", pairing or {}), Pairing())
    entries = Field(study, "hypotheses", hypotheses).mapping()
    return named, [reader.hypothesis(name, entry, default) for name, entry in entries.items()]


@dataclass(frozen=True)
class _Reader:
    quantities: Collection[str]
    arms: Collection[str] | None
    conditions: Collection[str] | None

    def hypothesis(self, name: str, entry: Field, default: Pairing) -> Hypothesis:
        keys = {"statement", "pairing", "parts", "any_of", "inconclusive_if"}
        found = entry.mapping(keys, required=["statement"])
        if ("parts" in found) == ("any_of" in found):
            entry.fail("needs either parts or any_of", "`parts:` must all hold; `any_of:` lists several such groups.")
        pairing = self.pairing(found["pairing"], default) if "pairing" in found else default
        groups = (
            [found["parts"]]
            if "parts" in found
            else [
                alternative.mapping({"parts"}, required=["parts"])["parts"] for alternative in found["any_of"].items()
            ]
        )
        guards = found["inconclusive_if"].items() if "inconclusive_if" in found else []
        return Hypothesis(
            name,
            found["statement"].name(None, "a statement"),
            tuple(tuple(self.part(part, entry, pairing) for part in group.items()) for group in groups),
            tuple(self.part(guard, entry, replace(pairing, interval="none")) for guard in guards),
        )

    def pairing(self, entry: Field, base: Pairing) -> Pairing:
        found = entry.mapping({"units", "interval", "level"})
        if "units" in found:
            units = found["units"].items() if found["units"].is_a(list) else [found["units"]]
            base = replace(base, units=tuple(unit.name(None, "a column") for unit in units))
        if "interval" in found:
            base = replace(base, interval=found["interval"].name(INTERVALS, "interval"))
        if "level" in found:
            base = replace(base, level=found["level"].number())
            if not 0.5 <= base.level < 1:
                found["level"].fail(f"expected a coverage in [0.5, 1), found {base.level}", "Write 95 % as 0.95.")
        if base.interval == "t" and len(base.units) > 1:
            entry.fail("a t interval needs one column of units", "Use `interval: bootstrap` for crossed units.")
        return base

    def part(self, entry: Field, hypothesis: Field, pairing: Pairing) -> Part:
        common = {"effect", "pairing", *POINT_CRITERIA, *INTERVAL_CRITERIA}
        if not entry.is_a(dict) or "effect" not in entry.value:
            entry.fail("expected a mapping with an effect", f"Add `effect:`, one of {', '.join(EFFECTS)}.")
        kind = Field(entry.study, f"{entry.key}.effect", entry.value["effect"]).name(EFFECTS, "effect")
        found = entry.mapping(common | EFFECTS[kind][0], required=EFFECTS[kind][1])
        if "pairing" in found:
            pairing = self.pairing(found["pairing"], pairing)
        claims = {name: found[name].number() for name in (*POINT_CRITERIA, *INTERVAL_CRITERIA) if name in found}
        if not claims:
            entry.fail("nothing is claimed", f"Add one of {', '.join((*POINT_CRITERIA, *INTERVAL_CRITERIA))}.")
        if pairing.interval == "none" and (bound := next((name for name in INTERVAL_CRITERIA if name in claims), None)):
            found[bound].fail("there is no interval to judge", "Only the point decides here: use at_least or at_most.")
        key = entry.key.removeprefix(f"{hypothesis.key}.")
        return Part(key, self.effect(kind, entry, found), Criteria(**claims), pairing)

    def effect(self, kind: str, entry: Field, found: dict[str, Field]) -> Effect:
        if kind in COMPARISONS:
            return self.comparison(kind, entry, found)
        if kind == "interaction":
            between = found["between"].items(at_least=2)
            if len(between) != 2:
                found["between"].fail("expected two conditions")
            first, second = (self.comparison("difference", entry, {**found, "condition": one}) for one in between)
            return Interaction(first, second)
        points = []
        y = found["y"].name(COMPARISONS, "effect of a point")
        for point in found["points"].items(at_least=FITS[kind]):
            sides = {"of"} if y == "value" else {"of", "against"}
            here = point.mapping({"x", "quantity", "condition", *sides}, required=["x", *sorted(sides)])
            if (x := here["x"].number()) <= 0:
                here["x"].fail(f"expected a positive number, found {x}")
            points.append((x, self.comparison(y, point, {**found, **here})))
        return Fit(kind, tuple(points))

    def comparison(self, kind: str, entry: Field, found: dict[str, Field]) -> Comparison:
        of = self.side(entry, found["of"], found)
        return Comparison(kind, of, self.side(entry, found["against"], found) if kind != "value" else None)

    def side(self, entry: Field, side: Field, around: dict[str, Field]) -> Side:
        """An arm, ``{arm: ...}`` or ``{largest_of: [...]}``, with the quantity and condition ``around`` or its own."""
        if side.is_a(str):
            return Side((self.cell(entry, side, around),))
        found = side.mapping({"arm", "quantity", "condition", *PICKS})
        if len(chosen := [key for key in ("arm", *PICKS) if key in found]) != 1:
            side.fail("names no arm, or several ways", "Give one of `arm:`, `largest_of:`, `smallest_of:`.")
        inner = {**around, **found}
        if chosen[0] == "arm":
            return Side((self.cell(entry, found["arm"], inner),))
        cells = []
        for candidate in found[chosen[0]].items(at_least=2):
            own = (
                {"arm": candidate}
                if candidate.is_a(str)
                else candidate.mapping({"arm", "quantity", "condition"}, ["arm"])
            )
            cells.append(self.cell(entry, own["arm"], {**inner, **own}))
        return Side(tuple(cells), PICKS[chosen[0]])

    def cell(self, entry: Field, arm: Field, around: dict[str, Field]) -> Cell:
        for key in ("quantity", "condition"):
            if key not in around:
                entry.fail(f"{key} missing", f"Add `{key}:` here, or inside the side that needs it.")
        quantity = around["quantity"].name(self.quantities, "quantity")
        condition, fold = around["condition"], "mean"
        names = [condition]
        if condition.is_a(dict):
            found = condition.mapping(CONDITION_FOLDS)
            if len(found) != 1:
                condition.fail("expected one way to fold conditions", f"Give one of {', '.join(CONDITION_FOLDS)}.")
            (way, listed), *_ = found.items()
            names, fold = listed.items(at_least=2), CONDITION_FOLDS[way]
        conditions = tuple(name.name(self.conditions, "condition") for name in names)
        return Cell(quantity, arm.name(self.arms, "arm"), conditions, fold)


_SIDES = {"quantity", "condition", "of"}
EFFECTS: dict[str, tuple[set[str], list[str]]] = {  # keys it may have, keys it must have
    "value": (_SIDES, ["of"]),
    **{kind: (_SIDES | {"against"}, ["of", "against"]) for kind in COMPARISONS[1:]},
    "interaction": ({"quantity", "of", "against", "between"}, ["of", "against", "between"]),
    **{kind: ({"quantity", "condition", "y", "points"}, ["y", "points"]) for kind in FITS},
}


def _comparisons(effect: Effect) -> list[Comparison]:
    if isinstance(effect, Interaction):
        return [effect.first, effect.second]
    return [comparison for _, comparison in effect.points] if isinstance(effect, Fit) else [effect]
