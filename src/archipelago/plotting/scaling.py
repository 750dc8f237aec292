"""Costs: how they grow, and what they buy."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from matplotlib.transforms import Bbox
from scipy import stats

from archipelago.plotting import style
from archipelago.plotting.config import Axis, FigureConfig
from archipelago.plotting.measured import Mean, Numbers, words

PLAIN = FuncFormatter(lambda x, _: f"{x:,.6g}")


def draw_scaling(config: FigureConfig, numbers: Numbers, looks: dict[str, style.Look]) -> Figure:
    """Log-log over the columns; a line an arm is its least-squares power law, whose exponent stands where it ends."""
    at = dict(zip(config.columns, config.positions, strict=True))
    found = {arm: {x: mean for c, x in at.items() if (mean := numbers.of(config.y, arm, c))} for arm in config.arms}
    drawn = {arm: means for arm, means in found.items() if len(means) > 1}
    counts = [len(mean.values) for means in drawn.values() for mean in means.values()]
    note = f"Dots and bars: {words(numbers.pairing(config.y.name), counts)}. Lines: least-squares power laws."
    figure = style.frame(config.title, note, (4.6, 2.9))
    axes = figure.subplots()
    axes.set(xscale="log", yscale="log", xlabel=config.x_label, ylabel=config.y.upright)
    ends, remarks = {}, {}
    for arm, means in drawn.items():
        look = looks[arm]
        for place, one in means.items():
            axes.plot([place] * len(one.values), one.values, ".", color=look.color, ms=4, mew=0, alpha=0.45)
            axes.plot([place] * 2, [one.low, one.high], color=look.color, lw=look.width, zorder=look.layer)
            axes.plot(place, one.mean, look.marker, color=look.color, ms=5, mec="white", mew=0.6, zorder=look.layer + 1)
        x, y = np.log(np.array(list(means))), np.log([one.mean for one in means.values()])
        slope, level, *_ = stats.linregress(x, y)
        line = np.exp(slope * x + level)
        axes.plot(np.exp(x), line, color=look.color, ls=look.dash, lw=look.width, zorder=look.layer)
        ends[arm], remarks[arm] = (float(np.exp(x[-1])), float(line[-1])), f", slope {slope:.2f}"
    axes.set_xticks(config.positions)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set(major_formatter=PLAIN, minor_formatter=NullFormatter(), minor_locator=NullLocator())
    axes.grid()
    figure.draw_without_rendering()  # settles the height that the names are spread over
    style.label_ends(axes, ends, looks, remarks)
    return figure


def draw_tradeoff(config: FigureConfig, numbers: Numbers, looks: dict[str, style.Look]) -> Figure:
    """A mark an arm, with the intervals of both means; cost on a logarithmic axis, a facet a column."""
    pairs = {arm: _pairs(config, numbers, arm) for arm in config.arms}
    facets = [column.label for column in config.columns if any(column.label in one for one in pairs.values())]
    counts = [len(y.values) for one in pairs.values() for _, y in one.values()]
    figure = style.frame(
        config.title,
        f"Bars: {words(numbers.pairing(config.y.name), counts)}.",
        (4.6 if len(facets) == 1 else style.WIDTH, 3.1),
    )
    grid = figure.subplots(1, len(facets), squeeze=False, sharey=True)[0]
    for axes, label in zip(grid, facets, strict=True):
        axes.set(xscale="log", xlabel=config.x.title if config.x else "", title=label if len(facets) > 1 else "")
        axes.xaxis.set(major_formatter=PLAIN, minor_formatter=NullFormatter())
        axes.grid()
        for arm, one in pairs.items():
            if label in one:
                _mark(axes, *one[label], looks[arm])
        axes.margins(x=0.2, y=0.12)
    grid[0].set_ylabel(config.y.upright)
    figure.draw_without_rendering()  # settles where the marks are, which the names keep clear of
    for axes, label in zip(grid, facets, strict=True):
        _name_marks(axes, {arm: one[label] for arm, one in pairs.items() if label in one}, looks)
    return figure


def _pairs(config: FigureConfig, numbers: Numbers, arm: str) -> dict[str, tuple[Mean, Mean]]:
    """Both means of an arm in each column that has them."""
    assert isinstance(config.x, Axis)
    both = {c.label: (numbers.of(config.x, arm, c), numbers.of(config.y, arm, c)) for c in config.columns}
    return {label: (x, y) for label, (x, y) in both.items() if x and y}


def _mark(axes: Axes, x: Mean, y: Mean, look: style.Look) -> None:
    axes.plot([x.low, x.high], [y.mean] * 2, color=look.color, lw=look.width * 0.7, zorder=look.layer)
    axes.plot([x.mean] * 2, [y.low, y.high], color=look.color, lw=look.width * 0.7, zorder=look.layer)
    axes.plot(
        x.mean,
        y.mean,
        look.marker,
        color=look.color,
        ms=8 if look.strong else 5.5,
        mec="white",
        mew=0.6,
        zorder=look.layer + 1,
    )


def _name_marks(axes: Axes, marks: dict[str, tuple[Mean, Mean]], looks: dict[str, style.Look]) -> None:
    """Write each name beside its mark, at the first place around it that is free."""
    point = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
    boxes, centres = {}, {}
    for arm, (x, y) in marks.items():
        low, high, middle = axes.transData.transform([(x.low, y.low), (x.high, y.high), (x.mean, y.mean)])
        reach = (6 if looks[arm].strong else 4) * point
        centres[arm] = middle
        boxes[arm] = Bbox([np.minimum(low, middle - reach), np.maximum(high, middle + reach)])
    taken = list(boxes.values())
    for arm, box in boxes.items():
        x, y, gap = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, 2 * point
        places = [
            (box.x1 + gap, y, "left", "center"),
            (box.x0 - gap, y, "right", "center"),
            *((x, box.y1 + k * gap, "center", "bottom") for k in (1, 4, 8)),
            *((x, box.y0 - k * gap, "center", "top") for k in (1, 4, 8)),
        ]
        for place in places:
            name = axes.annotate(
                arm,
                (marks[arm][0].mean, marks[arm][1].mean),
                xytext=((place[0] - centres[arm][0]) / point, (place[1] - centres[arm][1]) / point),
                textcoords="offset points",
                ha=place[2],
                va=place[3],
                fontsize=7,
                **looks[arm].text,
            )
            extent = name.get_window_extent()
            free = axes.bbox.x0 <= extent.x0 and extent.x1 <= axes.bbox.x1 and axes.bbox.y0 <= extent.y0
            if (free and not any(extent.overlaps(other) for other in taken)) or place is places[-1]:
                taken.append(extent)
                break
            name.remove()
