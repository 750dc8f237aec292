"""The figure that every study has: all that it claims against all that was measured."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from archipelago.plotting import style
from archipelago.plotting.measured import Numbers
from archipelago.plotting.text import minus, rounded, with_interval
from archipelago.studies.hypotheses import Comparison, Criteria, Effect, Fit, Interaction, Side

# Inches: what stands above and below all hypotheses, a line of a statement, a part, the gap below a hypothesis.
HEAD, FOOT, LINE, ROW, GAP = 0.34, 0.24, 0.135, 0.36, 0.16
AXES = (2.62, 2.0)  # left edge and width of the axes; the parts' names stand before, the numbers after
NOT_RUN = {"verdict": "not run", "effect": None, "interval": None, "n": 0}
SIGNS = {
    "at_least": "≥ {:g}",
    "above": "> {:g}",
    "at_most": "≤ {:g}",
    "below": "< {:g}",
    "interval_above": "interval > {:g}",
    "interval_below": "interval < {:g}",
    "interval_holds": "interval holds {:g}",
}


def draw_effects(numbers: Numbers, verdicts: Mapping[str, Any], title: str) -> Figure:
    """A row a part: its effect and interval on an axis of its own, the region in which the claim holds shaded.

    A mark in the shade whose interval clears the broken line needs no reading: the claim holds. Numbers, claim and
    verdict stand beside it; the mark's shape repeats the verdict.
    """
    statements = {one.name: textwrap.wrap(f"{one.name}  {one.statement}", 82) for one in numbers.hypotheses}
    heights = [LINE * len(statements[one.name]) + ROW * len(one.parts) + GAP for one in numbers.hypotheses]
    titles = textwrap.wrap(title, 72)
    head = HEAD + 0.17 * (len(titles) - 1)
    height = head + sum(heights) + FOOT
    figure = Figure(figsize=(style.WIDTH, height), layout=None)

    def write(x: float, y: float, text: str, **settings: Any) -> None:
        figure.text(x / style.WIDTH, y / height, text, **{"fontsize": 7, "va": "center", **settings})

    for i, line in enumerate(titles):
        write(0.06, height - 0.14 - 0.17 * i, line, fontsize=9, fontweight="bold")
    note = "Shaded: where the effect must lie. Broken: what its interval must clear. Dotted: zero. Bars: "
    write(0.06, 0.1, note + _intervals(numbers), fontsize=6.5, color=style.QUIET)
    y = height - head
    for hypothesis in numbers.hypotheses:
        judged = verdicts["hypotheses"][hypothesis.name]
        documents = {document["part"]: document for document in judged["parts"]}
        settings = {"fontsize": 7.5, "fontweight": "bold"}
        color = style.VERDICTS[judged["verdict"]]
        write(style.WIDTH - 0.06, y - LINE / 2, judged["verdict"].upper(), ha="right", color=color, **settings)
        for line in statements[hypothesis.name]:
            write(0.06, y - LINE / 2, line, **settings)
            y -= LINE
        for part in hypothesis.parts:
            document = documents.get(part.key, NOT_RUN)
            name, where = describe(part.effect)
            color = style.VERDICTS[document["verdict"]]
            write(0.16, y - 0.12, name)
            write(0.16, y - 0.24, where, fontsize=6.2, color=style.QUIET)
            box = (AXES[0] / style.WIDTH, (y - 0.24) / height, AXES[1] / style.WIDTH, 0.18 / height)
            _draw(figure.add_axes(box), part.criteria, document, color)
            write(AXES[0] + AXES[1] + 0.14, y - 0.12, _measured(document), color=color, fontweight="bold")
            claim = f"claimed {claimed(part.criteria)}"
            write(AXES[0] + AXES[1] + 0.14, y - 0.24, claim, fontsize=6.2, color=style.QUIET)
            y -= ROW
        y -= GAP
    return figure


def describe(effect: Effect) -> tuple[str, str]:
    """What is compared, and where: ``fedspeed − max(fedavg, feddyn)`` and ``final, mlp``."""
    if isinstance(effect, Interaction):
        name, where = describe(effect.first)
        return name, f"{where} minus {_place(effect.second.of)[1]}"
    if isinstance(effect, Fit):
        (first, comparison), (last, _) = effect.points[0], effect.points[-1]
        number = "exponent" if effect.kind == "power" else "slope"
        ends = f"x from {rounded(first)[0]} to {rounded(last)[0]}"
        return f"{number} of {_name(comparison)}", f"{_place(comparison.of)[0]}, {ends}"
    where = ", ".join(_place(effect.of))
    if effect.against and (other := [new for new in _place(effect.against) if new not in _place(effect.of)]):
        where += f" against {', '.join(other)}"
    return _name(effect), where


def claimed(criteria: Criteria) -> str:
    """The claim in signs: ``≥ 0.005, interval > 0``."""
    found = {name: getattr(criteria, name) for name in SIGNS}
    return minus(", ".join(SIGNS[name].format(value) for name, value in found.items() if value is not None))


def _name(comparison: Comparison) -> str:
    if comparison.against is None:
        return _arms(comparison.of)
    sign = {"difference": "{} − {}", "ratio": "{} / {}", "excess": "{} / {} − 1"}[comparison.kind]
    return sign.format(_arms(comparison.of), _arms(comparison.against))


def _arms(side: Side) -> str:
    arms = list(dict.fromkeys(cell.arm for cell in side.cells))
    return arms[0] if len(arms) == 1 else f"{side.pick}({', '.join(arms)})"


def _place(side: Side) -> tuple[str, str]:
    """Quantity and conditions of a side."""
    cell = side.cells[0]
    conditions = ", ".join(cell.conditions)
    return cell.quantity, conditions if len(cell.conditions) == 1 else f"{cell.fold} of {conditions}"


def _measured(document: Mapping[str, Any]) -> str:
    if document["effect"] is None:
        return "no number"
    return f"{minus(with_interval(document['effect'], document['interval']))}  n = {document['n']}"


def _intervals(numbers: Numbers) -> str:
    pairings = [part.pairing for one in numbers.hypotheses for part in one.parts if part.pairing.interval != "none"]
    return ", ".join(dict.fromkeys(f"{100 * pairing.level:g} % {pairing.interval}" for pairing in pairings)) + "."


def _draw(axes: Axes, criteria: Criteria, document: Mapping[str, Any], color: str) -> None:
    """One effect on its own scale."""
    lower = [bound for bound in (criteria.at_least, criteria.above) if bound is not None]
    upper = [bound for bound in (criteria.at_most, criteria.below) if bound is not None]
    cleared = (criteria.interval_above, criteria.interval_below, criteria.interval_holds)
    of_interval = [bound for bound in cleared if bound is not None]
    seen = [document["effect"], *(document["interval"] or ())]
    points = [point for point in (*lower, *upper, *of_interval, *seen) if point is not None]
    span = (max(points) - min(points)) or abs(points[0]) or 1.0
    left, right = min(points) - 0.25 * span, max(points) + 0.25 * span
    axes.set(xlim=(left, right), ylim=(-1, 1), yticks=[])
    if lower or upper:
        shade = style.VERDICTS["supported"]
        axes.axvspan(max(lower, default=left), min(upper, default=right), color=shade, alpha=0.14, lw=0)
    axes.axvline(0, color=style.QUIET, lw=0.6, ls=(0, (1, 1.6)))
    for bound in of_interval:
        axes.axvline(bound, color=style.INK, lw=0.8, ls=(0, (3, 2)))
    for bound in (*lower, *upper):
        axes.axvline(bound, color=style.INK, lw=1)
    if document["interval"]:
        axes.plot(document["interval"], [0, 0], color=color, lw=2, solid_capstyle="butt", zorder=4)
    if document["effect"] is not None:
        marker = style.VERDICT_MARKERS[document["verdict"]]
        axes.plot(document["effect"], 0, marker, color=color, ms=6, mec="white", mew=0.6, zorder=5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(length=2, pad=1, labelsize=5.8)
    axes.spines["left"].set_visible(False)
