"""Whatever source the data came from, what is prepared is what `data.dvc` says."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from archipelago.data.cards import known_names
from archipelago.data.prepare import prepare
from archipelago.errors import ArchipelagoError

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_all_sets_as_prepared_here_are_those_of_data_dvc(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in known_names():
        try:
            prepare(name)
        except ArchipelagoError as error:
            pytest.skip(str(error))
    with Repo() as repo:
        (data,) = repo.find_outs_by_path("data")
        # Not `dvc status`: without a cache (a fresh clone) that does not compare at all.
        assert data.workspace_status() == {}
