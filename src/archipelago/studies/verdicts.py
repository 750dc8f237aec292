"""Verdicts: what a table says of a study's hypotheses, computed from the table and from nothing else.

The rules are few and lie in ``judge_part`` and ``_hypothesis``; ``docs/verdicts.md`` gives the reasons for them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection
from typing import Any

import pandas as pd

from archipelago.randomness import numpy_stream
from archipelago.studies.effects import Estimate, Measurements
from archipelago.studies.hypotheses import Criteria, Fit, Hypothesis, Part, check

SUPPORTED, REFUTED, INCONCLUSIVE, NOT_RUN = "supported", "refuted", "inconclusive", "not run"

TOLERANCE = 1e-12  # a mean that equals its margin up to rounding meets it


def judge(
    study: str,
    quantities: dict[str, Any],
    hypotheses: dict[str, Any],
    table: pd.DataFrame,
    pairing: dict[str, Any] | None = None,
    asked: Collection[tuple[str, str, int]] | None = None,
) -> dict[str, Any]:
    """The verdict of every hypothesis of a study, ready for JSON and the same on every call.

    Args:
        study: its slug; names the bootstrap's streams.
        quantities: that section of the study's file.
        hypotheses: that section of the study's file.
        table: one row a record, see "A table" in ``docs/architecture.md``; the order of rows does not matter.
        pairing: that section of the study's file, if it has one.
        asked: (arm, condition, seed) of every run that was asked for. One that the table lacks rules out ``supported``.

    Returns:
        ``{"hypotheses": {"H1": {"verdict", "statement", "effect", "interval", "level", "n", "unit", "reason",
        "parts"}}}``. A hypothesis shows the numbers of the part that decided; each of ``parts`` its own, with its
        ``values`` per unit.

    Raises:
        ArchipelagoError: the sections are wrong (see ``hypotheses.check``), or the table lacks a column that they name.
    """
    named, stated = check(study, quantities, hypotheses, None, None, pairing)
    measurements = Measurements(study, named, table, asked)
    return {"hypotheses": {one.name: _hypothesis(study, one, measurements) for one in stated}}


def measure(
    study: str, quantities: dict[str, Any], quantity: str, table: pd.DataFrame
) -> dict[tuple[str, str, int], float]:
    """One quantity of every run, by (arm, condition, seed); runs that diverged or lack it are absent.

    Raises:
        ArchipelagoError: see ``judge``.
    """
    named, _ = check(study, quantities, {}, None, None)
    measurements = Measurements(study, named, table)
    cells = sorted(set(zip(table["arm"], table["condition"], strict=True)))
    samples = {cell: measurements.measure(quantity, *cell, ("seed",)) for cell in cells}
    return {(*cell, unit[0]): value for cell, s in samples.items() if s for unit, value in s.values.items()}


def judge_part(criteria: Criteria, estimate: Estimate, by_point: bool) -> tuple[str, str]:
    """The verdict of one claim, and why.

    ``by_point``: the claim is a fact without an interval, so the point decides. Otherwise it is supported if all
    criteria hold, refuted if the interval lies wholly on the wrong side of a bound, and inconclusive in between. A flaw
    in the runs, or a censored time that flatters the claim, rules out ``supported``; one that harms it ``refuted``.
    """
    effect, interval, sample = estimate.effect, estimate.interval, estimate.sample
    if not math.isfinite(effect):
        return INCONCLUSIVE, "there is no number to judge"
    if interval is None and not by_point:
        return INCONCLUSIVE, "a single unit gives no interval"
    low, high = interval or (effect, effect)
    failed, excluded, flattered = False, False, False
    for field in dataclasses.fields(criteria):
        bound = getattr(criteria, field.name)
        if bound is None:
            continue
        holds, rules_out = RULES[field.name]
        failed |= not holds(effect, low, high, bound)
        # Bounds from below gain by numbers that are too large and suffer from those that are too small, and so on.
        gain, loss = sample.too_large, sample.too_small
        if field.name in FROM_ABOVE:
            gain, loss = loss, gain
        elif field.name == "interval_holds":
            gain = loss = gain | loss
        flattered |= bool(gain)
        excluded |= rules_out(low, high, bound) and not loss
    if failed:
        return (REFUTED, "the claim is ruled out") if excluded else (INCONCLUSIVE, "neither shown nor ruled out")
    if sample.flaws:
        return INCONCLUSIVE, "all criteria hold, but not every run gave its number"
    if flattered:
        return INCONCLUSIVE, "all criteria hold, but censored times flatter the claim"
    return SUPPORTED, "all criteria hold"


Holds = Callable[[float, float, float, float], bool]
RulesOut = Callable[[float, float, float], bool]
RULES: dict[str, tuple[Holds, RulesOut]] = {  # a criterion holds; the interval rules it out
    "at_least": (lambda effect, _, __, b: effect >= b - TOLERANCE, lambda _, high, b: high < b - TOLERANCE),
    "above": (lambda effect, _, __, b: effect > b, lambda _, high, b: high <= b),
    "at_most": (lambda effect, _, __, b: effect <= b + TOLERANCE, lambda low, _, b: low > b + TOLERANCE),
    "below": (lambda effect, _, __, b: effect < b, lambda low, _, b: low >= b),
    "interval_above": (lambda _, low, __, b: low > b, lambda _, high, b: high <= b),
    "interval_below": (lambda _, __, high, b: high < b, lambda low, _, b: low >= b),
    "interval_holds": (lambda _, low, high, b: low <= b <= high, lambda low, high, b: not low <= b <= high),
}
FROM_ABOVE = ("at_most", "below", "interval_below")


@dataclasses.dataclass(frozen=True)
class _Judged:
    part: Part
    estimate: Estimate
    verdict: str
    why: str

    @property
    def numbers(self) -> dict[str, Any]:
        interval = self.estimate.interval
        return {
            "effect": _finite(self.estimate.effect),
            "interval": None if interval is None else [_finite(bound) for bound in interval],
            "level": self.part.pairing.level,
            "n": self.estimate.n,
            "unit": self.estimate.unit,
        }

    @property
    def reason(self) -> str:
        pairing, sample = self.part.pairing, self.estimate.sample
        number = f"{self.estimate.effect:.4g}" if math.isfinite(self.estimate.effect) else "undefined"
        count = f"n = {self.estimate.n}, unit {self.estimate.unit}"
        kind = "least squares" if isinstance(self.part.effect, Fit) else pairing.interval
        if self.estimate.interval:
            low, high = self.estimate.interval
            number += f" [{low:.4g}, {high:.4g}] ({100 * pairing.level:g} % {kind}, {count})"
        else:
            number += f" ({count})"
        bounds = len(sample.too_small | sample.too_large)
        aside = [*sample.notes, *([f"{bounds} censored"] if bounds else []), *sample.flaws]
        told = f" ({'; '.join(aside)})" if aside else ""
        return f"{self.part.effect}: {number}, claimed {self.part.criteria}: {self.why}{told}"

    @property
    def document(self) -> dict[str, Any]:
        return {
            "part": self.part.key,
            "verdict": self.verdict,
            **self.numbers,
            "reason": self.reason,
            "values": {unit: _finite(value) for unit, value in self.estimate.values.items()},
        }


def _judged(study: str, hypothesis: str, part: Part, measurements: Measurements) -> _Judged:
    stream = numpy_stream(0, "bootstrap", study, hypothesis, part.key)
    estimate = measurements.estimate(part.effect, part.pairing, stream)
    return _Judged(part, estimate, *judge_part(part.criteria, estimate, part.pairing.interval == "none"))


def _hypothesis(study: str, hypothesis: Hypothesis, measurements: Measurements) -> dict[str, Any]:
    stated = (*hypothesis.parts, *hypothesis.guards)
    absent = [what for part in stated for cell in part.cells for what in measurements.missing(cell, part.pairing.units)]
    if absent:
        return {
            "verdict": NOT_RUN,
            "statement": hypothesis.statement,
            "effect": None,
            "interval": None,
            "level": hypothesis.parts[0].pairing.level,
            "n": 0,
            "unit": " x ".join(hypothesis.parts[0].pairing.units),
            "reason": f"no run has {', '.join(dict.fromkeys(absent))}",
            "parts": [],
        }
    judged = {part.key: _judged(study, hypothesis.name, part, measurements) for part in stated}
    groups = [[judged[part.key] for part in parts] for parts in hypothesis.alternatives]
    verdict = _any([_all([one.verdict for one in group]) for group in groups])
    told = [one for group in groups if _all([one.verdict for one in group]) == verdict for one in group]
    if verdict == SUPPORTED and any(one.estimate.sample.flaws for one in judged.values()):
        verdict = INCONCLUSIVE
        told = [one for one in judged.values() if one.estimate.sample.flaws]
    if fired := [judged[guard.key] for guard in hypothesis.guards if judged[guard.key].verdict != REFUTED]:
        verdict, told = INCONCLUSIVE, fired
    deciding = [one for one in told if one.verdict == verdict] or told or groups[0]
    words = "; ".join(one.reason for one in deciding)
    return {
        "verdict": verdict,
        "statement": hypothesis.statement,
        **deciding[0].numbers,
        "reason": f"nothing can be concluded where {words}" if fired else words,
        "parts": [one.document for one in judged.values()],
    }


def _all(verdicts: list[str]) -> str:
    """A conjunction: as good as its worst part."""
    return next((verdict for verdict in (REFUTED, INCONCLUSIVE) if verdict in verdicts), SUPPORTED)


def _any(verdicts: list[str]) -> str:
    """A disjunction: as good as its best part."""
    return next((verdict for verdict in (SUPPORTED, INCONCLUSIVE) if verdict in verdicts), REFUTED)


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None
