"""All figures of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from archipelago.plotting import style
from archipelago.plotting.config import EFFECTS, FigureConfig, check_figures
from archipelago.plotting.curves import draw_curves
from archipelago.plotting.effects import draw_effects
from archipelago.plotting.heatmap import draw_heatmap
from archipelago.plotting.measured import Numbers
from archipelago.plotting.points import draw_points, draw_sweep
from archipelago.plotting.scaling import draw_scaling, draw_tradeoff

DRAW: dict[str, Callable[[FigureConfig, Numbers, dict[str, style.Look]], Figure]] = {
    "curves": draw_curves,
    "points": draw_points,
    "sweep": draw_sweep,
    "heatmap": draw_heatmap,
    "scaling": draw_scaling,
    "tradeoff": draw_tradeoff,
}


def plot(study: Mapping[str, Any], table: pd.DataFrame, verdicts: Mapping[str, Any], folder: Path) -> list[Path]:
    """Make every figure that a study names, and ``effects``, as <name>.svg and <name>.png in a folder.

    Equal input gives equal bytes. A figure whose runs the table does not have is left out.

    Args:
        study: the study's file as read.
        table: one row a record, see "A table" in ``docs/architecture.md``.
        verdicts: what ``archipelago.studies.verdicts.judge`` says of it.
        folder: where the figures go.

    Returns:
        The files, figure by figure in the order of the study's file, ``effects`` first.

    Raises:
        ArchipelagoError: a mistake in the study's ``figures:``, or a metric that the table lacks.
    """
    numbers = Numbers(study, table)
    with style.house_style():
        paths = style.save(
            draw_effects(numbers, verdicts, f"{study['title']}: claims and measurements"), folder, EFFECTS
        )
        for config in check_figures(study):
            if numbers.has(config):
                figure = DRAW[config.kind](config, numbers, style.looks(study["arms"], config.arms[0]))
                paths += style.save(figure, folder, config.name)
    return paths
