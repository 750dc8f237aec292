"""The small study of ``plotting_study``, its table and its verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from archipelago.studies.verdicts import judge
from tests.plotting.plotting_study import STUDY, make_table


@pytest.fixture(scope="session")
def study() -> dict[str, Any]:
    return STUDY


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    return make_table()


@pytest.fixture(scope="session")
def verdicts(study: Mapping[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    return judge("tiny", study["quantities"], study["hypotheses"], table, study["pairing"])
