"""The house style: small, legible in print and in greyscale; the paper's method strong, everything else muted."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from archipelago.address.files import write_aside

WIDTH = 6.9  # inches: the text width of a two-column page
STRONG = "#b3123c"
INK, QUIET, RULE = "#1b1f24", "#5f6771", "#c9ced4"
# Hues that differ for every common kind of colour vision, at near lightness, so that none outshines STRONG.
MUTED = ("#3d6da8", "#7c7357", "#2f8a80", "#8b6aa5", "#6b747d", "#b07d2b")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.4, 1.2, 1.4)))
MARKERS = ("o", "s", "^", "D", "v", "<", ">")
VERDICTS = {"supported": "#00695c", "refuted": "#b5401f", "inconclusive": "#7a6000", "not run": QUIET}
VERDICT_MARKERS = {"supported": "o", "refuted": "X", "inconclusive": "D", "not run": "|"}
TICKS = (("major", "size", 2.5), ("major", "width", 0.6), ("minor", "size", 1.5), ("minor", "width", 0.4))

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    **{f"{axis}tick.{kind}.{what}": size for axis in "xy" for kind, what, size in TICKS},
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "lines.linewidth": 1.3,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    # Identifiers inside the SVG are derived from this, not drawn at random.
    "svg.hashsalt": "archipelago",
}


@dataclass(frozen=True)
class Look:
    """How one arm is drawn, the same in every figure of its study."""

    color: str
    dash: Any
    marker: str
    strong: bool

    @property
    def width(self) -> float:
        """Line width in points."""
        return 2.2 if self.strong else 1.2

    @property
    def text(self) -> dict[str, Any]:
        """Settings of the text that names the arm."""
        return {"color": self.color, "fontweight": "bold" if self.strong else "normal"}

    @property
    def layer(self) -> float:
        """Drawing order: the paper's method lies on top."""
        return 4 if self.strong else 3


def looks(arms: Iterable[str], strong: str) -> dict[str, Look]:
    """A look for every arm of a study; ``strong`` is the one that the eye shall find."""
    found = {}
    for i, arm in enumerate(arms):
        muted = Look(MUTED[i % len(MUTED)], DASHES[(i // len(MUTED) + i) % len(DASHES)], MARKERS[1 + i % 6], False)
        found[arm] = Look(STRONG, "-", MARKERS[0], True) if arm == strong else muted
    return found


@contextmanager
def house_style() -> Iterator[None]:
    """Everything drawn inside looks like the house, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        sns.set_theme(context="paper", style="ticks", rc=RC)
        yield


def frame(title: str, note: str, size: tuple[float, float]) -> Figure:
    """An empty figure of a size in inches, with its title and, under it, the quiet line that explains the marks."""
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, x=0.008, ha="left", fontsize=9, fontweight="bold")
    note = textwrap.fill(note, int(size[0] * 19))
    figure.supxlabel(note, x=0.008, ha="left", fontsize=6.5, color=QUIET)
    return figure


def apart(positions: Sequence[float], gap: float) -> np.ndarray:
    """The positions nearest to the given ones (least squares) that keep their order and lie at least ``gap`` apart."""
    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(order))
    placed = np.empty(len(order))
    placed[order] = isotonic_regression(np.asarray(positions, dtype=float)[order] - steps).x + steps
    return placed


def label_ends(
    axes: Axes,
    ends: Mapping[str, tuple[float, float]],
    looks: Mapping[str, Look],
    remarks: Mapping[str, str] | None = None,
) -> None:
    """Write each arm's name, and a remark, right of the axes at the height where its line ends, without overlaps.

    ``ends`` gives (x, y) of each line's last point in data units; the axes must have their final limits and height.
    """
    to_axes = (axes.transData + axes.transAxes.inverted()).transform
    last = {arm: to_axes(end) for arm, end in ends.items()}
    gap = 9 / 72 * axes.get_figure(root=True).dpi / axes.get_window_extent().height  # type: ignore[union-attr]
    for (arm, (x, y)), place in zip(last.items(), apart([y for _, y in last.values()], gap), strict=True):
        look, text = looks[arm], arm + (remarks or {}).get(arm, "")
        axes.plot(
            [x, 1.04], [y, place], color=look.color, lw=0.6, ls=(0, (1, 1.5)), clip_on=False, transform=axes.transAxes
        )
        axes.annotate(text, (1.05, place), xycoords="axes fraction", va="center", fontsize=7, **look.text)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write <name>.svg and <name>.png; equal figures give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, metadata in ((".svg", {"Date": None, "Creator": None}), (".png", {"Software": None})):
        path = folder / f"{name}{suffix}"
        with write_aside(path) as temporary:
            figure.savefig(temporary, format=suffix[1:], dpi=200, metadata=metadata)
        paths.append(path)
    return paths
