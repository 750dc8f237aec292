from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from archipelago.plotting.summary import summarise
from tests.plotting.plotting_study import accuracy


def test_results_are_those_of_the_table(study: dict[str, Any], table: pd.DataFrame) -> None:
    results = summarise(study, table).results
    assert list(results) == ["even", "odd"]
    assert list(results["odd"]) == ["ours", "rival"]
    reached = results["even"]["ours"]["final"]
    values = [np.mean([accuracy("ours", "even", seed, r) for r in (3, 4)]) for seed in (1, 2, 3)]
    assert (reached.mean, reached.sd, reached.n) == (
        pytest.approx(np.mean(values)),
        pytest.approx(np.std(values, ddof=1)),
        3,
    )


def test_one_run_has_no_standard_deviation(study: dict[str, Any], table: pd.DataFrame) -> None:
    assert summarise(study, table[table["seed"] == 1]).results["even"]["ours"]["final"].sd is None


def test_costs_are_means_of_runs(study: dict[str, Any], table: pd.DataFrame) -> None:
    summary = summarise(study, table)
    assert summary.runs == {"ours": 6, "rival": 6, "poor": 3}
    # Bytes of every round, both ways; CPU seconds stand in each of a run's rows.
    assert summary.costs["ours"] == {"CPU seconds": pytest.approx(5.0), "MB sent": pytest.approx(4 * 3.0)}


def test_running_totals_are_not_added_up(study: dict[str, Any], table: pd.DataFrame) -> None:
    table = table.assign(bytes_sent=1e6 * table["round"])
    assert summarise(study, table).costs["ours"]["MB sent a node"] == pytest.approx(4.0)
