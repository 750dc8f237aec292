"""A picture of who holds what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from archipelago.plotting import style

BUBBLE = 13.0  # points: the diameter that stands for the largest count


def plot_partition(client_of: np.ndarray, labels: np.ndarray, path: Path) -> list[Path]:
    """Draw how many samples of each class each client has.

    Args:
        client_of: the client of each sample, int [n], -1 where nobody holds it.
        labels: the class of each sample, int [n].
        path: where the figure goes; written twice, with the suffixes ``.svg`` and ``.png``.
    """
    with style.house_style():
        return style.save(_draw(client_of, labels), path.parent, path.stem)


def _draw(client_of: np.ndarray, labels: np.ndarray) -> Figure:
    """Bubbles whose areas are counts, a column a client and a row a class; above them bars of all that a client has."""
    held = client_of >= 0
    counts = np.zeros((int(client_of.max()) + 1, int(labels.max()) + 1), dtype=int)
    np.add.at(counts, (client_of[held], labels[held]), 1)
    clients, classes = counts.shape
    sizes = counts.sum(1)
    told = f"{int(held.sum()):,} samples, {clients} clients, {classes} classes"
    note = f"Areas are counts; the largest is {counts.max():,}. {told}."
    size = (float(np.clip(1.0 + 0.2 * clients, 3.4, style.WIDTH)), float(np.clip(1.6 + 0.2 * classes, 2.6, 7.0)))
    figure = style.frame("Who holds what", note, size)
    grid = {"height_ratios": [0.8, 0.2 * classes]}
    bars, bubbles = figure.subplots(2, 1, sharex=True, gridspec_kw=grid)
    bars.bar(range(clients), sizes, color=style.MUTED[0], width=0.7)
    bars.set_ylabel("samples")
    client, label = counts.nonzero()
    area = counts[client, label] / counts.max() * BUBBLE**2 * min(1.0, 30 / max(clients, classes)) ** 2
    bubbles.scatter(client, label, s=area, color=style.MUTED[0], linewidths=0)
    bubbles.set(xlabel="client", ylabel="class", ylim=(classes - 0.4, -0.6), xlim=(-0.7, clients - 0.3))
    for axis, n in ((bubbles.xaxis, clients), (bubbles.yaxis, classes)):
        axis.set_ticks(range(0, n, -(-n // 25)))
    return figure
