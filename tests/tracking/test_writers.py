"""Eight processes log at once, each from a checkout of its own: what is there afterwards is there once."""

import pytest

from tests.tracking.study import STORE
from tests.tracking.writers import held, write_at_once

pytestmark = pytest.mark.slow

WRITERS = 8


@pytest.fixture(params=["server", "postgres", "sqlite"])
def shared(request, tmp_path):
    """A store that all of them share: its URI, its database, and its folders of artifacts."""
    roots = [tmp_path / f"checkout{i}" for i in range(WRITERS)]
    if request.param == "server":
        server = request.getfixturevalue("server")
        return roots, server.uri, server.database, [server.artifacts]
    if request.param == "postgres":
        uri = request.getfixturevalue("postgres").create(f"empty{abs(hash(tmp_path))}")
        return roots, uri, uri, [root / STORE / "artifacts" for root in roots]
    uri = f"sqlite:///{tmp_path}/shared/mlflow.db"
    return roots, uri, uri, [tmp_path / "shared/artifacts"]


def test_eight_studies_at_once_lose_nothing_and_double_nothing(shared, alone):
    roots, uri, database, artifacts = shared
    written = write_at_once([(root, f"study{i}", uri) for i, root in enumerate(roots)])
    assert written == [7] * WRITERS
    for i, root in enumerate(roots):
        folders = artifacts if len(artifacts) == 1 else [root / STORE / "artifacts"]
        assert held(database, folders)[f"<slug>/desk of study{i}"] == alone


def test_one_study_logged_by_eight_at_once_is_there_once(shared, alone):
    roots, uri, database, artifacts = shared
    written = write_at_once([(root, "same", uri) for root in roots])
    assert max(written) == 7
    assert held(database, artifacts)["<slug>/desk of same"] == alone
