"""Numbers as they are printed, the same in figures, pages and the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence


def rounded(*numbers: float) -> list[str]:
    """Numbers of one kind with equally many decimals: three significant digits of the largest, at most six decimals."""
    largest = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    decimals = min(6, max(0, 2 - math.floor(math.log10(largest)))) if largest else 0
    return [f"{number:,.{decimals}f}" for number in numbers]


def with_interval(effect: float | None, interval: Sequence[float | None] | None) -> str:
    """An effect and its interval, ``0.0071 [0.0031, 0.0111]``; a dash where there is none."""
    if effect is None:
        return "-"
    ends = [end for end in interval or () if end is not None]
    first, *rest = rounded(effect, *ends)
    return f"{first} [{', '.join(rest)}]" if rest else first


def minus(text: str) -> str:
    """With true minus signs, for print."""
    return text.replace("-", "−")
