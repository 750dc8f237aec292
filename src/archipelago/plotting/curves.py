"""Metrics against rounds, or against what the rounds cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archipelago.plotting import style
from archipelago.plotting.config import FigureConfig
from archipelago.plotting.measured import Numbers, words
from archipelago.studies.hypotheses import Pairing


def draw_curves(config: FigureConfig, numbers: Numbers, looks: dict[str, style.Look]) -> Figure:
    """A line an arm, the mean with a band over seeds; a facet a condition; names stand where the lines end."""
    table = numbers.curves(config)
    facets = [column for column in config.columns if column.conditions[0] in set(table["condition"])]
    across = min(len(facets), 2)
    down = -(-len(facets) // across)
    pairing = replace(numbers.pairing(), units=("seed",))
    counts = table.groupby(["arm", "condition"], observed=True)["seed"].nunique()
    note = f"Lines and bands: {words(pairing, list(counts))}."
    figure = style.frame(config.title, note, (style.WIDTH if across > 1 else 4.6, 0.65 + 2.1 * down))
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    ends = {}
    for axes, facet in zip(grid.flat, facets, strict=False):
        rows = table[table["condition"] == facet.conditions[0]]
        axes.set_title(facet.label if len(facets) > 1 else "")
        axes.set_xlabel(config.x.title if config.x else "round")
        axes.grid(axis="y")
        if config.mark is not None:
            axes.axhline(config.mark * config.y.factor, color=style.INK, lw=0.7, ls=(0, (2, 2)))
        ends[axes] = {
            arm: _line(axes, config, rows[rows["arm"] == arm], looks[arm], numbers, pairing)
            for arm in config.arms
            if arm in set(rows["arm"])
        }
    for axes in grid.flat[len(facets) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(config.y.upright)
    figure.draw_without_rendering()  # settles the heights that the names are spread over
    for axes, last in ends.items():
        style.label_ends(axes, last, looks)
    return figure


def _line(
    axes: Axes, config: FigureConfig, rows: pd.DataFrame, look: style.Look, numbers: Numbers, pairing: Pairing
) -> tuple[float, float]:
    """Draw one arm; return its last point."""
    values = config.y.factor * rows.pivot_table(index="seed", columns="round", values=config.y.name)
    spent = rows.groupby("round")["spent"].mean() if config.x else values.columns
    x, mean = spent.to_numpy(dtype=float), values.mean().to_numpy()
    band = np.array([numbers.interval({(seed,): v for seed, v in values[r].dropna().items()}, pairing) for r in values])
    axes.fill_between(x, *band.T, color=look.color, alpha=0.22 if look.strong else 0.1, lw=0, zorder=look.layer - 2)
    axes.plot(x, mean, color=look.color, ls=look.dash, lw=look.width, zorder=look.layer)
    return float(x[-1]), float(mean[-1])
