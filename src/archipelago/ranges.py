"""Numbers that make sense: the ranges of init arguments, so that a slip in a config is refused before anything runs.

The bounds are wide. They refuse a sign, a unit or a magnitude that is wrong, not a setting that is unusual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Positive = float
    NonNegative = float
    Real = float
    Share = float
    PositiveShare = float
    Count = int
    Whole = int
else:
    from jsonargparse.typing import ClosedUnitInterval, restricted_number_type

    MOST = 1e6
    Share = ClosedUnitInterval
    Positive = restricted_number_type("Positive", float, [(">", 0), ("<=", MOST)])
    NonNegative = restricted_number_type("NonNegative", float, [(">=", 0), ("<=", MOST)])
    Real = restricted_number_type("Real", float, [(">=", -MOST), ("<=", MOST)])
    PositiveShare = restricted_number_type("PositiveShare", float, [(">", 0), ("<=", 1)])
    Count = restricted_number_type("Count", int, [(">=", 1), ("<=", 10**7)])
    Whole = restricted_number_type("Whole", int, [(">=", 0), ("<=", 10**7)])
