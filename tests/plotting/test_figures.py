from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from archipelago.plotting import style
from archipelago.plotting.config import FigureConfig, check_figures
from archipelago.plotting.effects import claimed, describe, draw_effects
from archipelago.plotting.figures import DRAW, plot
from archipelago.plotting.measured import Numbers
from archipelago.studies.hypotheses import Criteria
from tests.plotting.plotting_study import accuracy


def draw(study: dict[str, Any], table: pd.DataFrame, name: str) -> tuple[Figure, FigureConfig]:
    config = next(figure for figure in check_figures(study) if figure.name == name)
    with style.house_style():
        return DRAW[config.kind](config, Numbers(study, table), style.looks(study["arms"], config.arms[0])), config


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]


@pytest.fixture(scope="module")
def drawn(
    study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("figures")
    return plot(study, table, verdicts, folder)


def test_every_figure_is_there_twice(study: dict[str, Any], drawn: list[Path]) -> None:
    names = ["effects", *study["figures"]]
    assert [path.name for path in drawn] == [f"{name}{suffix}" for name in names for suffix in (".svg", ".png")]
    assert all(path.stat().st_size > 2000 for path in drawn)


def test_figures_made_twice_have_equal_bytes(
    study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any], drawn: list[Path], tmp_path: Path
) -> None:
    for first, second in zip(drawn, plot(study, table, verdicts, tmp_path), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_the_order_of_rows_does_not_matter(
    study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any], drawn: list[Path], tmp_path: Path
) -> None:
    shuffled = table.sample(frac=1, random_state=0)
    for first, second in zip(drawn, plot(study, shuffled, verdicts, tmp_path), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_vector_figures_carry_no_date(drawn: list[Path]) -> None:
    assert not any(b"<dc:date>" in path.read_bytes() for path in drawn if path.suffix == ".svg")


def test_a_figure_without_runs_is_left_out(
    study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any], tmp_path: Path
) -> None:
    figures = {
        "course": {**study["figures"]["course"], "conditions": ["absent"]},
        "growth": {**study["figures"]["growth"], "conditions": ["even", "absent"]},  # no line through one point
        "ends": {**study["figures"]["ends"], "arms": ["never"]},
    }
    paths = plot({**study, "figures": figures}, table, verdicts, tmp_path)
    assert {path.stem for path in paths} == {"effects"}


def test_one_seed_is_enough_for_every_figure(
    study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any], tmp_path: Path
) -> None:
    assert len(plot(study, table[table["seed"] == 1], verdicts, tmp_path)) == 2 * (1 + len(study["figures"]))


def test_curves_are_means_of_what_was_recorded(study: dict[str, Any], table: pd.DataFrame) -> None:
    figure, _ = draw(study, table, "course")
    even = figure.axes[0]
    assert even.get_title(loc="left") == "even split"
    line = even.lines[0]
    np.testing.assert_allclose(line.get_xdata(), [1, 3, 4])  # round 2 was not evaluated
    mean = [100 * np.mean([accuracy("ours", "even", seed, r) for seed in (1, 2, 3)]) for r in (1, 3, 4)]
    np.testing.assert_allclose(line.get_ydata(), mean)
    assert "mean and 95 % t interval, n = 3 seeds" in " ".join(texts(figure))
    assert "never" not in texts(figure)


def test_curves_against_a_cost_add_it_up_over_all_rounds(study: dict[str, Any], table: pd.DataFrame) -> None:
    figure, config = draw(study, table, "price")
    np.testing.assert_allclose(figure.axes[0].lines[1].get_xdata(), [10, 30, 40])
    assert config.arms[0] == "rival"
    assert figure.axes[0].lines[0].get_color() == style.STRONG


def test_curves_leave_out_what_is_not_finite(study: dict[str, Any], table: pd.DataFrame) -> None:
    blown = table.assign(accuracy=table["accuracy"].where(table["round"] < 4, np.inf))
    figure, _ = draw(study, blown, "course")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xdata(), [1, 3])


def test_an_arm_far_away_is_an_arrow_at_the_edge(study: dict[str, Any], table: pd.DataFrame) -> None:
    near = pd.concat([table[table["arm"] == "ours"].assign(arm=f"near{i}") for i in range(6)])
    far = table[table["arm"] == "ours"].assign(arm="far", accuracy=lambda rows: rows["accuracy"] - 0.5)
    near["accuracy"] += near["arm"].str[-1].astype(float) / 1000
    arms = {name: {"title": name} for name in [*(f"near{i}" for i in range(6)), "far"]}
    wide = {**study, "arms": {**arms, **study["arms"]}}
    wide["figures"] = {"ends": {**study["figures"]["ends"], "arms": list(arms)}}
    figure, _ = draw(wide, pd.concat([near, far]), "ends")
    assert any("◀" in text for text in texts(figure))
    assert figure.axes[0].get_xlim()[0] > 0.5


def test_an_arm_that_missed_conditions_is_marked(study: dict[str, Any], table: pd.DataFrame) -> None:
    figure, _ = draw(study, table, "ends")
    assert "poor*" in texts(figure)
    assert "rival" in texts(figure)
    assert "not under all of these conditions" in " ".join(" ".join(texts(figure)).split())


def test_a_sweep_stands_at_its_positions(study: dict[str, Any], table: pd.DataFrame) -> None:
    figure, _ = draw(study, table, "split")
    assert list(figure.axes[0].get_xticks()) == [1, 3]
    assert figure.axes[0].get_xlabel() == "oddness"


def test_scaling_tells_the_exponent(study: dict[str, Any], table: pd.DataFrame) -> None:
    figure, _ = draw(study, table, "growth")
    assert "ours, slope 0.50" in texts(figure)  # cost grows tenfold while the size grows hundredfold


def test_a_map_tells_means_and_leaves_holes(study: dict[str, Any], table: pd.DataFrame) -> None:
    figure, _ = draw(study, table, "map")
    shown = texts(figure)
    assert "70.3" in shown  # ours, even: 80 - 40 (1/3 + 1/4) / 2 + 2
    assert sum("[" in text for text in shown) == 5


def test_marks_are_named_without_covering_each_other(study: dict[str, Any], table: pd.DataFrame) -> None:
    figure, _ = draw(study, table, "bargain")
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) >= 2
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_effects_show_claims_numbers_and_verdicts(
    study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any]
) -> None:
    with style.house_style():
        figure = draw_effects(Numbers(study, table), verdicts, "Tiny")
    shown = texts(figure)
    for text in (
        "SUPPORTED",
        "NOT RUN",
        "ours − max(rival, poor)",
        "final, even",
        "claimed ≥ 0.02, interval > 0",
    ):
        assert text in shown
    assert "0.0800 [0.0800, 0.0800]  n = 3" in shown
    mark = figure.axes[0].lines[-1]
    np.testing.assert_allclose(mark.get_xdata(), [0.08])


def test_effects_are_described_in_signs(study: dict[str, Any], table: pd.DataFrame) -> None:
    hypotheses = {
        "H1": {
            "statement": "s",
            "parts": [
                {
                    "effect": "interaction",
                    "quantity": "final",
                    "of": "ours",
                    "against": "rival",
                    "between": ["odd", "even"],
                    "above": 0,
                },
                {
                    "effect": "ratio",
                    "of": {"arm": "ours", "quantity": "spent", "condition": "even"},
                    "against": {"arm": "ours", "quantity": "spent", "condition": "odd"},
                    "below": 1,
                },
                {
                    "effect": "power",
                    "y": "excess",
                    "quantity": "final",
                    "points": [{"x": x, "condition": "even", "of": "ours", "against": "rival"} for x in (1, 2, 4)],
                    "interval_holds": 1,
                },
                {
                    "effect": "value",
                    "quantity": "final",
                    "condition": {"smallest_of": ["even", "odd"]},
                    "of": "ours",
                    "at_most": -1,
                },
            ],
        }
    }
    (hypothesis,) = Numbers({**study, "hypotheses": hypotheses}, table).hypotheses
    assert [describe(part.effect) for part in hypothesis.parts] == [
        ("ours − rival", "final, odd minus even"),
        ("ours / ours", "spent, even against odd"),
        ("exponent of ours / rival − 1", "final, x from 1.00 to 4.00"),
        ("ours", "final, min of even, odd"),
    ]


def test_claims_are_written_in_signs() -> None:
    assert claimed(Criteria(at_least=-0.005, interval_holds=1)) == "≥ −0.005, interval holds 1"
