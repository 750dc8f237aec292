"""Stores to log to: an SQLite file, PostgreSQL, MLflow's server on it."""

import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from archipelago.tracking import DEFAULT_URI, Summary
from archipelago.tracking.store import connect
from tests.tracking.servers import Postgres, Server
from tests.tracking.study import STORE, log, make_runs
from tests.tracking.writers import held_after_one_writer


@pytest.fixture(scope="session")
def empty(tmp_path_factory) -> Path:
    """A repository whose store has its tables (they take a second to make) and nothing in them."""
    root = tmp_path_factory.mktemp("empty")
    connect(DEFAULT_URI, root)
    return root


@pytest.fixture
def root(empty, tmp_path) -> Path:
    """A copy of it to write to."""
    return Path(shutil.copytree(empty, tmp_path / "root"))


@pytest.fixture(scope="session")
def tracked(empty, tmp_path_factory):
    """A repository with one study logged: two arms, two seeds. Tests only read it."""
    root = Path(shutil.copytree(empty, tmp_path_factory.mktemp("tracked") / "root"))
    runs = make_runs(root)
    assert log(root, runs) == Summary("fedspeed/desk", logged=7, kept=0, deleted=0)
    return root, runs


@pytest.fixture(scope="session")
def pages(tracked, tmp_path_factory) -> Iterator[Server]:
    """MLflow's pages on a copy of that store, elsewhere, as `archipelago ui` opens them."""
    root = shutil.copytree(tracked[0], tmp_path_factory.mktemp("pages") / "clone")
    server = Server(f"sqlite:///{root / STORE}/mlflow.db", root / STORE / "artifacts")
    try:
        server.run([sys.executable, "-c", UI, str(server.port)], cwd=root)
        server.wait()
        yield server
    finally:
        server.kill()


UI = "import sys; from archipelago.cli import main; sys.argv = ['archipelago', 'ui', '--port', sys.argv[1]]; main()"


@pytest.fixture(scope="session")
def alone(tmp_path_factory) -> list:
    """What one writer leaves who is alone."""
    return held_after_one_writer(tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL, running; its database ``blank`` has MLflow's tables and nothing in them."""
    cluster = Postgres()
    try:
        cluster.start()
        cluster.create("blank")
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def blank(postgres, tmp_path_factory) -> str:
    """The name of a database with MLflow's tables and nothing in them; it is only copied."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    connect(postgres.uri("blank"), tmp_path_factory.mktemp("blank"))
    SqlAlchemyStore._engine_map.pop(postgres.uri("blank")).dispose()
    return "blank"


@pytest.fixture
def database(postgres, blank) -> str:
    """The URI of an empty store in PostgreSQL."""
    return postgres.create(f"store{next(numbers)}", blank)


numbers = count()


@pytest.fixture(scope="session")
def server(postgres, blank, tmp_path_factory) -> Iterator[Server]:
    """MLflow's server on a PostgreSQL database, running; a test that stops it starts it again."""
    server = Server(postgres.create("served", blank), tmp_path_factory.mktemp("server") / "artifacts", workers=2)
    try:
        server.start()
        yield server
    finally:
        server.kill()
