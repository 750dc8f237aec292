"""Where tracked runs are kept: a database with a folder of artifacts beside it, or an MLflow server.

The default store is moved from clone to clone by DVC, so it must not know where it lies. The experiments in a
database therefore say ``mlflow-artifacts:/...``, which an MLflow server resolves below its
``--artifacts-destination``; no server is running when we log, so we put the files there ourselves.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from archipelago.address.files import write_aside
from archipelago.errors import ArchipelagoError

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

DEFAULT_URI = "sqlite:///results/store/mlflow/mlflow.db"
ARTIFACTS = Path("results/store/mlflow/artifacts")
SCHEME = "mlflow-artifacts:/"
ADVISORY_LOCK = 0x61726368
"""The number under which we ask PostgreSQL for a lock; any would do that nobody else uses."""

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Seconds after which a server that was reached and says nothing counts as away.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "PGCONNECT_TIMEOUT": "30",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
"""MLflow's environment, as far as the user has not set it."""


@dataclass(frozen=True)
class Store:
    """An open store. ``artifacts`` is the folder of artifacts, None if a server keeps them."""

    client: MlflowClient
    artifacts: Path | None

    def experiment(self, name: str) -> str:
        """The id of the experiment, which is made, or taken out of the bin, if need be."""
        found = self.client.get_experiment_by_name(name)
        if found is None:
            return self.client.create_experiment(name, SCHEME + name if self.artifacts else None)
        if found.lifecycle_stage != "active":
            self.client.restore_experiment(found.experiment_id)
        return found.experiment_id

    def runs(self, experiment: str) -> Iterator[Run]:
        """All runs of an experiment that are not deleted."""
        token = None
        while True:
            page = self.client.search_runs([experiment], max_results=1000, page_token=token)
            yield from page
            if not (token := page.token):
                return

    def attach(self, run: Run, files: Mapping[str, Path]) -> None:
        """Put files among the run's artifacts, each under its name there (``figures/<file>``)."""
        if self._folder(run):
            self.complete(run, files)
            return
        for name, file in files.items():
            self.client.log_artifact(run.info.run_id, str(file), str(Path(name).parent))

    def complete(self, run: Run, files: Mapping[str, Path]) -> None:
        """Put the files there that our folder of artifacts lacks: a checkout with another one may have made the run."""
        if folder := self._folder(run):
            for name, file in files.items():
                if not (folder / name).exists():
                    with write_aside(folder / name) as part:
                        shutil.copyfile(file, part)

    def delete(self, run: Run) -> None:
        """Move a run to MLflow's bin, without its artifacts if they are in our keeping."""
        self.client.delete_run(run.info.run_id)
        if folder := self._folder(run):
            shutil.rmtree(folder.parent, ignore_errors=True)

    def _folder(self, run: Run) -> Path | None:
        uri = run.info.artifact_uri
        return self.artifacts / uri.removeprefix(SCHEME) if self.artifacts and uri.startswith(SCHEME) else None


def connect(uri: str, root: Path) -> Store:
    """Open the store; a database is given its tables. ``uri`` as in `track`.

    Raises:
        Exception: one of `failures`.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # Whether a request without an answer was carried out is not known, and MLflow would send it again as it is:
    # a run would be made twice. `insist` looks first.
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    from mlflow.store.db import utils
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking import MlflowClient
    from sqlalchemy import Engine, event

    if _is_server(uri):
        return Store(MlflowClient(uri), None)
    uri, artifacts = _places(uri, root)
    if not event.contains(Engine, "connect", _do_not_sync):
        event.listen(Engine, "connect", _do_not_sync)
    utils.MAX_RETRY_COUNT = 1  # MLflow has no setting for this; its ten tries take 100 s
    # Makes the tables. A client would do so too, but it would write this machine's path into the default experiment.
    with _one_at_a_time(uri):
        if uri.startswith("sqlite:///") and not (file := Path(uri.removeprefix("sqlite:///"))).exists():
            # MLflow never mends tables half made, by a process that was killed or on a full disk.
            with write_aside(file) as part:
                SqlAlchemyStore(f"sqlite:///{part}", SCHEME).engine.dispose()
        SqlAlchemyStore(uri, SCHEME)
    return Store(MlflowClient(uri), artifacts)


def failures() -> tuple[type[Exception], ...]:
    """What a store raises."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError, ImportError


def away(uri: str, error: Exception) -> bool:
    """Whether the failure says that the store does not answer at present, rather than that it refuses."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import OperationalError

    if _is_server(uri):
        if isinstance(error, RequestException):
            return error.response is None or error.response.status_code >= 500
        return isinstance(error, MlflowException) and error.get_http_status_code() >= 500
    unavailable = isinstance(error, MlflowException) and error.error_code == "TEMPORARILY_UNAVAILABLE"
    if not unavailable and not isinstance(error, OperationalError):
        return False
    if uri.startswith("sqlite:"):
        return "database is locked" in str(error)
    return not re.search("authentication failed|does not exist|pg_hba", str(error))


def reason(error: Exception) -> str:
    """The first line of what a store says, without the secrets of its URI."""
    return without_secrets((str(error).splitlines() or [type(error).__name__])[0][:300])


def without_secrets(text: str) -> str:
    """The text without what stands before the host in a URI, and without passwords among a URI's parameters."""
    return re.sub(r"(password=)[^&\s'\"]*", r"\1...", re.sub(r"//[^\s'\"]*@", "//", text))


def refusal(uri: str, study: str, error: Exception) -> ArchipelagoError:
    """The message for a user whose store failed."""
    return ArchipelagoError(
        f"the tracking store {without_secrets(uri)} cannot be used: {reason(error)}",
        study=study,
        key="tracking.uri",
        remedy="No run is lost, they lie in results/store/runs. Start the server or change the setting, "
        "then give the same command again: it logs what is missing.",
    )


def _is_server(uri: str) -> bool:
    return re.match(r"https?://", uri) is not None


@contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """Wait for all who open this database, also from other machines: MLflow makes its tables as if nobody else did.

    The lock is the system's or PostgreSQL's own, so it ends with its holder, however that ends.
    """
    from sqlalchemy import NullPool, create_engine, text

    if uri.startswith("sqlite:///"):
        folder = Path(uri.removeprefix("sqlite:///")).parent
        folder.mkdir(parents=True, exist_ok=True)
        number = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)
    elif uri.startswith("postgresql"):
        with create_engine(uri, poolclass=NullPool).connect() as connection:
            connection.execute(text(f"select pg_advisory_lock({ADVISORY_LOCK})"))
            yield
    else:
        yield


def _do_not_sync(connection: object, _: object) -> None:
    """Let SQLite leave the disk's pace to the system: a study is some thousand commits, and the store can be remade.

    A killed process does no harm; only a machine that loses power while it logs may leave a broken file.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def _places(uri: str, root: Path) -> tuple[str, Path]:
    """A database's URI, an SQLite path taken relative to ``root``, and its folder of artifacts."""
    if not uri.startswith("sqlite:///"):
        return uri, root.resolve() / ARTIFACTS
    file = root.resolve() / uri.removeprefix("sqlite:///")
    return f"sqlite:///{file}", file.parent / "artifacts"


def serve(root: Path, uri: str = DEFAULT_URI, port: int = 5000) -> NoReturn:
    """Become MLflow's web interface to a database's runs, on this machine only: ``http://127.0.0.1:<port>``.

    Raises:
        ArchipelagoError: nothing has been tracked yet, or ``uri`` is a server, which has its own interface.
    """
    if _is_server(uri):
        raise ArchipelagoError(
            f"{without_secrets(uri)} is a server already", key="tracking.uri", remedy="Open it in a browser."
        )
    uri, artifacts = _places(uri, root)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise ArchipelagoError("nothing has been tracked yet", key="tracking.uri", remedy="Run `snakemake` first.")
    # Not on the command line, which every user of the machine can read: it may hold a password.
    environment = {**SETTINGS, **os.environ, "MLFLOW_BACKEND_STORE_URI": uri}
    arguments: dict[str, object] = {"--artifacts-destination": artifacts, "--host": "127.0.0.1"}
    arguments |= {"--port": port, "--workers": 1}
    options = [str(word) for pair in arguments.items() for word in pair]
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", "server", *options], environment)
