"""Quantities of arms: a dot a unit, the mean and its interval; side by side, or along a sweep of conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archipelago.plotting import style
from archipelago.plotting.config import FigureConfig
from archipelago.plotting.measured import Mean, Numbers, words
from archipelago.plotting.text import minus, rounded

Means = dict[str, dict[str, Mean]]
"""Column's label -> arm -> mean."""


def means_of(config: FigureConfig, numbers: Numbers) -> Means:
    """The means of all arms in all columns; columns without any are left out."""
    found = {
        column.label: {arm: mean for arm in config.arms if (mean := numbers.of(config.y, arm, column))}
        for column in config.columns
    }
    return {label: column for label, column in found.items() if column}


def present(config: FigureConfig, means: Means) -> list[str]:
    """The arms that any column has, in the order of the figure."""
    return [arm for arm in config.arms if any(arm in column for column in means.values())]


def counts_of(means: Means) -> list[int]:
    """n of every mean."""
    return [len(mean.values) for column in means.values() for mean in column.values()]


def partial(column: dict[str, Mean], arm: str) -> bool:
    """Whether an arm was run in fewer of the column's conditions than others were."""
    return column[arm].conditions < max(mean.conditions for mean in column.values())


def fences(column: dict[str, Mean]) -> tuple[float, float]:
    """Where the bulk of the means lies: three interquartile ranges beyond the quartiles."""
    low, high = np.quantile([mean.mean for mean in column.values()], [0.25, 0.75])
    return low - 3 * (high - low), high + 3 * (high - low)


def draw_points(config: FigureConfig, numbers: Numbers, looks: dict[str, style.Look]) -> Figure:
    """A row an arm, a facet a column; a line through the first arm's mean shows on which side of it the others lie.

    An arm far from all others would press them together: an arrow at the edge, with its mean, stands for it.
    """
    means = means_of(config, numbers)
    arms = present(config, means)
    starred = {arm for column in means.values() for arm in column if partial(column, arm)}
    pairing = numbers.pairing(config.y.name)
    dots = f"{pairing.units[0]}s" if len(pairing.units) == 1 else " × ".join(pairing.units)
    note = f"Dots: {dots}. Bars: {words(pairing, counts_of(means))}. Line: mean of the first row."
    note += " *: not under all of these conditions." if starred else ""
    figure = style.frame(config.title, note, (style.WIDTH if len(means) > 1 else 4.6, 0.95 + 0.2 * len(arms)))
    facets = figure.subplots(1, len(means), sharey=True, squeeze=False)[0]
    for axes, (label, column) in zip(facets, means.items(), strict=True):
        axes.set(title=label if len(means) > 1 else "", xlabel=config.y.title)
        axes.grid(axis="x")
        _rows(axes, column, arms, looks)
        if config.mark is not None:
            axes.axvline(config.mark * config.y.factor, color=style.INK, lw=0.7, ls=(0, (2, 2)))
        if arms[0] in column:
            axes.axvline(column[arms[0]].mean, color=style.STRONG, lw=0.7, alpha=0.6, zorder=1)
        axes.tick_params(axis="y", length=0)
        sns.despine(ax=axes, left=True)
    facets[0].set_yticks(range(len(arms)), [arm + "*" * (arm in starred) for arm in arms])
    facets[0].set_ylim(len(arms) - 0.5, -0.5)
    for text, arm in zip(facets[0].get_yticklabels(), arms, strict=True):
        text.set(**looks[arm].text)
    return figure


def _rows(axes: Axes, column: dict[str, Mean], arms: list[str], looks: dict[str, style.Look]) -> None:
    low, high = fences(column)
    inside = {arm: mean for arm, mean in column.items() if low <= mean.mean <= high}
    for row, arm in enumerate(arms):
        if arm in inside:
            mean, look = inside[arm], looks[arm]
            axes.plot(
                mean.values, [row + 0.27] * len(mean.values), ".", color=look.color, ms=4, mew=0, alpha=0.45, zorder=2
            )
            axes.plot([mean.low, mean.high], [row, row], color=look.color, lw=look.width, zorder=look.layer)
            axes.plot(mean.mean, row, look.marker, color=look.color, ms=5, mec="white", mew=0.6, zorder=look.layer + 1)
    axes.autoscale_view()
    axes.set_xlim(axes.get_xlim())
    for arm, mean in column.items():
        if arm not in inside:
            left = mean.mean < low
            edge, at = (0.02, "left") if left else (0.98, "right")
            text = f"◀ {minus(rounded(mean.mean)[0])}" if left else f"{minus(rounded(mean.mean)[0])} ▶"
            place = axes.get_yaxis_transform()
            axes.text(
                edge, arms.index(arm), text, ha=at, va="center", color=looks[arm].color, fontsize=6.5, transform=place
            )


def draw_sweep(config: FigureConfig, numbers: Numbers, looks: dict[str, style.Look]) -> Figure:
    """Columns along x, a line an arm through its means, with dots and intervals."""
    means = means_of(config, numbers)
    arms = present(config, means)
    note = f"Bars: {words(numbers.pairing(config.y.name), counts_of(means))}."
    figure = style.frame(config.title, note, (4.6, 2.75))
    axes = figure.subplots()
    labels = [column.label for column in config.columns]
    at = dict(zip(labels, config.positions or range(len(labels)), strict=True))
    nudge = 0.02 * (max(at.values()) - min(at.values()))
    ends = {}
    for i, arm in enumerate(arms):
        look, shift = looks[arm], nudge * (i - (len(arms) - 1) / 2)
        line = {at[label] + shift: column[arm] for label, column in means.items() if arm in column}
        for x, mean in line.items():
            axes.plot(
                [x + nudge / 2] * len(mean.values),
                mean.values,
                ".",
                color=look.color,
                ms=4,
                mew=0,
                alpha=0.45,
                zorder=2,
            )
            axes.plot([x, x], [mean.low, mean.high], color=look.color, lw=look.width, zorder=look.layer)
        places, heights = list(line), [mean.mean for mean in line.values()]
        marks: dict[str, Any] = {"marker": look.marker, "ms": 5, "mec": "white", "mew": 0.6}
        axes.plot(places, heights, color=look.color, ls=look.dash, lw=look.width, zorder=look.layer + 1, **marks)
        ends[arm] = (places[-1], heights[-1])
    if config.mark is not None:
        axes.axhline(config.mark * config.y.factor, color=style.INK, lw=0.7, ls=(0, (2, 2)))
    axes.set_xticks([at[label] for label in means], list(means))
    axes.set(xlabel=config.x_label, ylabel=config.y.upright)
    axes.grid(axis="y")
    figure.draw_without_rendering()  # settles the height that the names are spread over
    style.label_ends(axes, ends, looks)
    return figure
