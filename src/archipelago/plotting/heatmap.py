"""Arms against conditions as one table of colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from archipelago.plotting import style
from archipelago.plotting.config import FigureConfig
from archipelago.plotting.measured import Numbers, words
from archipelago.plotting.points import counts_of, fences, means_of, partial, present
from archipelago.plotting.text import minus, with_interval


def draw_heatmap(config: FigureConfig, numbers: Numbers, looks: dict[str, style.Look]) -> Figure:
    """Means and intervals, a row an arm and a column a condition; what was not run stays empty, the largest is bold."""
    means = means_of(config, numbers)
    arms = present(config, means)
    table = np.array([[column[arm].mean if arm in column else np.nan for column in means.values()] for arm in arms])
    note = f"Numbers are {config.y.title}: {words(numbers.pairing(config.y.name), counts_of(means))}."
    starred = any(partial(column, arm) for column in means.values() for arm in column)
    note += " *: not under all of these conditions." if starred else ""
    size = (min(style.WIDTH, 2.2 + 0.85 * len(means)), 0.8 + 0.33 * len(arms))
    figure = style.frame(config.title, note, size)
    axes = figure.subplots()
    # Colours span the bulk of the means, so that one very bad arm does not make all others look alike.
    low = min(fences(column)[0] for column in means.values())
    shades = sns.light_palette(style.MUTED[0], as_cmap=True)
    lines = {"linewidths": 1.5, "linecolor": "white"}
    sns.heatmap(table, cmap=shades, vmin=max(low, np.nanmin(table)), cbar=False, ax=axes, **lines)
    middle = (max(low, np.nanmin(table)) + 2 * np.nanmax(table)) / 3
    for x, column in enumerate(means.values()):
        best = max(column, key=lambda arm: column[arm].mean)
        for arm, mean in column.items():
            number, interval = minus(with_interval(mean.mean, (mean.low, mean.high))).split(" ", 1)
            where: dict[str, Any] = {"ha": "center", "color": "white" if mean.mean > middle else style.INK}
            weight = "bold" if arm == best else "normal"
            star = "*" * partial(column, arm)
            axes.text(
                x + 0.5, arms.index(arm) + 0.44, number + star, fontsize=7.5, fontweight=weight, va="bottom", **where
            )
            axes.text(x + 0.5, arms.index(arm) + 0.56, interval, fontsize=6, va="top", **where)
    axes.set_xticks(np.arange(len(means)) + 0.5, list(means))
    axes.set_yticks(np.arange(len(arms)) + 0.5, arms, rotation=0)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for label, arm in zip(axes.get_yticklabels(), arms, strict=True):
        label.set(**looks[arm].text if looks[arm].strong else {})
    return figure
