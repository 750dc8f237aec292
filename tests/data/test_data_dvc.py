"""Whatever source the data came from, what is prepared is what `data.dvc` says."""

import subprocess
import sys
from pathlib import Path

import pytest

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
    dvc = Path(sys.executable).parent / "dvc"
    done = subprocess.run([dvc, "status", "data.dvc"], capture_output=True, text=True, check=True)
    assert "up to date" in done.stdout
