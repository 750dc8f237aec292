"""What a study's ``figures:`` section may say. Read at every start of Snakemake, so nothing heavy is imported here.

A study names its figures, each of one kind (``docs/figures.md`` explains every key)::

    figures:
      accuracy: {kind: curves, title: ..., metric: test_accuracy, label: test accuracy, percent: true}
      worst:    {kind: points, title: ..., quantity: final, label: ..., conditions: {worst: {smallest_of: [alie, foe]}}}
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from archipelago.studies.fields import Field
from archipelago.studies.hypotheses import CONDITION_FOLDS


@dataclass(frozen=True)
class Axis:
    """What is drawn along an axis: a metric or a quantity of the study; fractions may be printed in per cent."""

    name: str
    label: str
    percent: bool

    @property
    def factor(self) -> float:
        """From the table's unit to the printed one."""
        return 100.0 if self.percent else 1.0

    @property
    def title(self) -> str:
        """The printed label with its unit."""
        return f"{self.label} (%)" if self.percent else self.label

    @property
    def upright(self) -> str:
        """The title in lines that fit beside a vertical axis."""
        return textwrap.fill(self.title, 34)


@dataclass(frozen=True)
class Column:
    """A facet, or a place on the x axis: one condition, or several that each unit's number is folded over."""

    label: str
    conditions: tuple[str, ...]
    fold: str = "mean"


@dataclass(frozen=True)
class FigureConfig:
    """A figure of a study. The first arm is the one that the eye shall find.

    ``x`` is there for the kinds whose x axis is measured; ``from_round`` is where curves begin; a line is drawn where y
    is ``mark``; the columns of a sweep stand at the ``positions``, whose axis is called ``x_label``.
    """

    name: str
    kind: str
    title: str
    caption: str
    arms: tuple[str, ...]
    columns: tuple[Column, ...]
    y: Axis
    x: Axis | None
    from_round: int
    mark: float | None
    positions: tuple[float, ...]
    x_label: str


COMMON = ("kind", "title", "caption", "arms", "conditions", "label", "percent")
# kind: what its axes show, its further keys
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "curves": ("metric", ("against", "from_round", "mark")),
    "points": ("quantity", ("mark",)),
    "sweep": ("quantity", ("mark", "positions", "x_label")),
    "heatmap": ("quantity", ()),
    "scaling": ("quantity", ("positions", "x_label")),
    "tradeoff": ("quantity", ("against",)),
}
EFFECTS = "effects"  # the figure that every study has


def check_figures(study: Mapping[str, Any]) -> list[FigureConfig]:
    """The figures that a study's file asks for.

    Raises:
        ArchipelagoError: a mistake in the section; it names the study, the key (``figures.<name>.<key>``) and a remedy.
    """
    section = Field(str(study["slug"]), "figures", study.get("figures", {}))
    return [_figure(study, name, entry) for name, entry in section.mapping().items()]


def _figure(study: Mapping[str, Any], name: str, entry: Field) -> FigureConfig:
    if name == EFFECTS:
        entry.fail("every study has a figure of this name already", "Choose another name.")
    if not entry.is_a(dict) or "kind" not in entry.value:
        entry.fail("kind missing", f"Add `kind:`, one of {', '.join(KINDS)}.")
    kind = Field(entry.study, f"{entry.key}.kind", entry.value["kind"]).name(KINDS, "kind of figure")
    drawn, further = KINDS[kind]
    measured = {"tradeoff": ["against"], "scaling": ["positions", "x_label"]}.get(kind, [])
    fields = entry.mapping((*COMMON, drawn, *further), ["title", drawn, "label", *measured])
    known = study["quantities"] if drawn == "quantity" else None
    against = fields["against"].mapping((drawn, "label", "percent"), [drawn, "label"]) if "against" in fields else None
    titles = {name: str(content.get("title", name)) for name, content in study["conditions"].items()}
    columns = _columns(fields["conditions"], titles) if "conditions" in fields else _each(titles, titles)
    if kind == "curves" and (folded := next((column for column in columns if len(column.conditions) > 1), None)):
        fields["conditions"].fail(f"{folded.label!r} folds several conditions", "Curves need one condition a facet.")
    return FigureConfig(
        name=name,
        kind=kind,
        title=_text(fields["title"]),
        caption=_text(fields["caption"]) if "caption" in fields else "",
        arms=_names(fields["arms"], study["arms"], "arm") if "arms" in fields else tuple(study["arms"]),
        columns=columns,
        y=_axis(fields, drawn, known),
        x=_axis(against, drawn, known) if against else None,
        from_round=fields["from_round"].integer(1) if "from_round" in fields else 1,
        mark=fields["mark"].number() if "mark" in fields else None,
        positions=_positions(fields["positions"], len(columns)) if "positions" in fields else (),
        x_label=_text(fields["x_label"]) if "x_label" in fields else "",
    )


def _axis(fields: dict[str, Field], drawn: str, known: Collection[str] | None) -> Axis:
    percent = fields.get("percent")
    if percent and not percent.is_a(bool):
        percent.fail(f"expected true or false, found {percent.shown}", "Write `percent: true`.")
    return Axis(fields[drawn].name(known, drawn), _text(fields["label"]), percent is not None and percent.value)


def _columns(field: Field, known: Mapping[str, str]) -> tuple[Column, ...]:
    """A list of conditions, or a mapping from printed labels to a condition or to a way to fold several."""
    if field.is_a(list):
        return _each(_names(field, known, "condition"), known)
    columns = []
    for label, entry in field.mapping().items():
        if entry.is_a(str):
            columns.append(Column(label, (entry.name(known, "condition"),)))
            continue
        ways = entry.mapping(CONDITION_FOLDS)
        if len(ways) != 1:
            entry.fail("expected a condition or one way to fold several", f"Give one of {', '.join(CONDITION_FOLDS)}.")
        (way, listed), *_ = ways.items()
        columns.append(Column(label, _names(listed, known, "condition"), CONDITION_FOLDS[way]))
    return tuple(columns)


def _positions(field: Field, columns: int) -> tuple[float, ...]:
    places = tuple(item.number() for item in field.items())
    if len(places) != columns:
        field.fail(f"{len(places)} positions for {columns} conditions", "Give as many as there are conditions.")
    return places


def _each(conditions: Collection[str], titles: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(titles[condition], (condition,)) for condition in conditions)


def _names(field: Field, known: Collection[str], what: str) -> tuple[str, ...]:
    return tuple(item.name(known, what) for item in field.items())


def _text(field: Field) -> str:
    if not field.is_a(str):
        field.fail(f"expected a text, found {field.shown}", "Put it in quotes.")
    return str(field.value)
