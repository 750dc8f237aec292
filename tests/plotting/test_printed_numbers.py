from __future__ import annotations

import pytest

from archipelago.plotting.text import minus, rounded, with_interval


@pytest.mark.parametrize(
    ("effect", "interval", "told"),
    [
        (0.00361, [-0.00143, 0.009017], "0.00361 [-0.00143, 0.00902]"),
        (104.2, [85.1, 128.9], "104 [85, 129]"),
        (28800.0, None, "28,800"),
        (0.0, None, "0"),
        (None, None, "-"),
        (1.0, [None, None], "1.00"),
        (1e-9, None, "0.000000"),
    ],
)
def test_numbers_have_the_decimals_of_the_largest(
    effect: float | None, interval: list[float] | None, told: str
) -> None:
    assert with_interval(effect, interval) == told


def test_what_is_not_finite_is_printed_as_such() -> None:
    assert rounded(float("nan"), 2.0) == ["nan", "2.00"]


def test_print_has_true_minus_signs() -> None:
    assert minus("-1 [-2, 0]") == "−1 [−2, 0]"
