from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from archipelago.errors import ArchipelagoError
from archipelago.plotting.config import Axis, Column, check_figures
from archipelago.plotting.measured import Numbers, words
from archipelago.studies.hypotheses import Pairing
from tests.plotting.plotting_study import accuracy

FINAL = Axis("final", "accuracy", True)


def final(arm: str, condition: str) -> np.ndarray:
    return np.array([100 * np.mean([accuracy(arm, condition, seed, r) for r in (3, 4)]) for seed in (1, 2, 3)])


def test_means_have_the_interval_of_the_verdicts(study: dict[str, Any], table: pd.DataFrame) -> None:
    mean = Numbers(study, table).of(FINAL, "ours", Column("even", ("even",)))
    assert mean
    values = final("ours", "even")
    np.testing.assert_allclose(mean.values, values)
    half = stats.t.ppf(0.975, 2) * stats.sem(values)
    np.testing.assert_allclose([mean.mean, mean.low, mean.high], values.mean() + np.array([0, -half, half]))


def test_conditions_are_folded_by_unit_over_those_that_were_run(study: dict[str, Any], table: pd.DataFrame) -> None:
    worst = Column("worst", ("even", "odd"), "min")
    numbers = Numbers(study, table)
    both, one = numbers.of(FINAL, "rival", worst), numbers.of(FINAL, "poor", worst)
    assert both
    assert one
    np.testing.assert_allclose(both.values, final("rival", "odd"))
    np.testing.assert_allclose(one.values, final("poor", "even"))
    assert (both.conditions, one.conditions) == (2, 1)
    assert numbers.of(FINAL, "never", worst) is None


def test_equal_numbers_give_equal_bootstrap_intervals(study: dict[str, Any], table: pd.DataFrame) -> None:
    numbers = Numbers(study, table)
    values = {(1,): 0.1, (2,): 0.4, (3,): 0.3}
    bootstrap = Pairing()
    assert numbers.interval(values, bootstrap) == numbers.interval(values, bootstrap)
    assert numbers.interval({(1,): 0.1}, bootstrap) == (0.1, 0.1)


def test_a_quantity_recorded_per_seed_is_counted_per_seed(study: dict[str, Any], table: pd.DataFrame) -> None:
    crossed = {**study, "pairing": {"units": ["shuffle", "seed"], "interval": "bootstrap"}}
    last = table[table["round"] == 4]
    shuffled = pd.concat([last.assign(shuffle=s, cost=np.nan) for s in (1, 2)] + [last.assign(accuracy=np.nan)])
    numbers = Numbers(crossed, shuffled)
    assert numbers.pairing("final").units == ("shuffle", "seed")
    assert numbers.pairing("spent").units == ("seed",)


def test_a_metric_that_was_not_recorded_is_told(study: dict[str, Any], table: pd.DataFrame) -> None:
    course = {**study["figures"]["course"], "metric": "accurracy"}
    (config,) = check_figures({**study, "figures": {"course": course}})
    with pytest.raises(
        ArchipelagoError, match=r"tiny: key figures\.course: the runs recorded no 'accurracy'"
    ) as caught:
        Numbers(study, table).has(config)
    assert "accuracy" in caught.value.remedy


def test_captions_state_interval_and_n() -> None:
    assert words(Pairing(interval="t", level=0.95), [3, 5]) == "mean and 95 % t interval, n = 3 to 5 seeds"
    assert words(Pairing(("shuffle", "seed"), "none"), [15]) == "mean, n = 15 (shuffle × seed)"
