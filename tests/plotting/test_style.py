from __future__ import annotations

import matplotlib as mpl
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archipelago.plotting import style


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8), st.floats(0.01, 2))
def test_labels_are_moved_apart_and_keep_their_order(positions: list[float], gap: float) -> None:
    placed = style.apart(positions, gap)
    order = np.argsort(positions, kind="stable")
    assert (np.diff(placed[order]) >= gap - 1e-9).all()
    np.testing.assert_allclose(placed.mean(), np.mean(positions), atol=1e-9)  # the whole group does not drift


def test_labels_with_room_stay_where_they_are() -> None:
    np.testing.assert_allclose(style.apart([3.0, 1.0, 2.0], 0.5), [3.0, 1.0, 2.0])


def test_settings_of_the_user_neither_matter_nor_change() -> None:
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "mine"}):
        with style.house_style():
            assert mpl.rcParams["font.size"] == style.RC["font.size"]
            assert mpl.rcParams["svg.hashsalt"] == style.RC["svg.hashsalt"]
        assert mpl.rcParams["font.size"] == 30


def test_arms_look_different_and_one_is_strong() -> None:
    names = [f"arm{i}" for i in range(14)]
    found = style.looks(names, "arm3")
    assert [arm for arm, look in found.items() if look.strong] == ["arm3"]
    assert len({(look.color, str(look.dash)) for look in found.values()}) == 14
    # The look of the others does not depend on which one is strong: it is the same in all figures of a study.
    assert found["arm5"] == style.looks(names, "arm0")["arm5"]


def luminance(color: str) -> float:
    linear = [((c / 12.92) if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in mpl.colors.to_rgb(color)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_every_colour_is_legible_on_white() -> None:
    for color in (style.STRONG, *style.MUTED, style.QUIET, *style.VERDICTS.values()):
        assert 1.05 / (luminance(color) + 0.05) > 3.4, color  # contrast as WCAG defines it; 3 is asked for marks
