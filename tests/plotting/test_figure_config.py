from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from archipelago.errors import ArchipelagoError
from archipelago.plotting.config import Column, check_figures


def test_a_figure_is_read_with_its_defaults(study: dict[str, Any]) -> None:
    course = check_figures(study)[0]
    assert (course.name, course.kind, course.y.title) == ("course", "curves", "accuracy (%)")
    assert course.arms == ("ours", "rival", "poor", "never")
    assert course.columns[1] == Column("odd split", ("odd",))


def test_conditions_may_be_folded_and_named(study: dict[str, Any]) -> None:
    ends = next(figure for figure in check_figures(study) if figure.name == "ends")
    assert ends.columns == (Column("worst", ("even", "odd"), "min"),)


@pytest.mark.parametrize(
    ("change", "key", "told"),
    [
        ({"kind": "pie"}, "figures.course.kind", "curves"),
        ({"kind": ["curves"]}, "figures.course.kind", "expected"),
        ({"titel": "x"}, "figures.course", "'title'"),
        ({"metric": 3}, "figures.course.metric", "metric"),
        ({"percent": "yes"}, "figures.course.percent", "true"),
        ({"arms": ["oursss"]}, "figures.course.arms[0]", "'ours'"),
        ({"conditions": ["evn"]}, "figures.course.conditions[0]", "'even'"),
        ({"conditions": {"both": {"mean_of": ["even", "odd"]}}}, "figures.course.conditions", "one condition"),
        ({"conditions": {"both": {"median_of": ["even"]}}}, "figures.course.conditions.both", "median_of"),
        ({"from_round": 0}, "figures.course.from_round", "1"),
        ({"against": {"metric": "cost"}}, "figures.course.against", "label"),
        ({"positions": [1, 2]}, "figures.course", "positions"),
    ],
)
def test_a_mistake_names_study_key_and_remedy(
    study: dict[str, Any], change: dict[str, Any], key: str, told: str
) -> None:
    course = {**study["figures"]["course"], **change}
    with pytest.raises(ArchipelagoError) as caught:
        check_figures({**study, "figures": {"course": course}})
    assert (caught.value.study, caught.value.key) == ("tiny", key)
    assert told in str(caught.value)
    assert caught.value.remedy or "expected" in caught.value.problem


@pytest.mark.parametrize(
    ("name", "figure", "told"),
    [
        ("effects", {"kind": "points"}, "another name"),
        ("a", {"title": "x"}, "kind"),
        ("a", {"kind": "points", "title": "x", "label": "y", "quantity": "finale"}, "'final'"),
        ("a", {"kind": "points", "title": "x", "label": "y"}, "quantity"),
        (
            "a",
            {"kind": "sweep", "title": "x", "label": "y", "quantity": "final", "positions": [1]},
            "as many as there are conditions",
        ),
        ("a", {"kind": "tradeoff", "title": "x", "label": "y", "quantity": "final"}, "against"),
    ],
)
def test_other_mistakes(study: dict[str, Any], name: str, figure: dict[str, Any], told: str) -> None:
    with pytest.raises(ArchipelagoError, match=told):
        check_figures({**study, "figures": {name: figure}})


def test_checking_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'matplotlib', 'seaborn', 'torch', 'jinja2'}"
    code = f"import sys, archipelago.plotting.config; print({heavy} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "set()"
