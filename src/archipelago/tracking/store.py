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

from archipelago.errors import ArchipelagoError

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

DEFAULT_URI = "sqlite:///results/store/mlflow/mlflow.db"
ARTIFACTS = Path("results/store/mlflow/artifacts")
SCHEME = "mlflow-artifacts:/"

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # A server that is down is reported within seconds; one that does not answer at all, within half a minute.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
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
        """Copy files to the run's artifacts, each under its name there (``figures/<file>``)."""
        for name, file in files.items():
            if folder := self._folder(run):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            else:
                self.client.log_artifact(run.info.run_id, str(file), str(Path(name).parent))

    def delete(self, run: Run) -> None:
        """Move a run to MLflow's bin, without its artifacts if they are in our keeping."""
        self.client.delete_run(run.info.run_id)
        if folder := self._folder(run):
            shutil.rmtree(folder.parent, ignore_errors=True)

    def _folder(self, run: Run) -> Path | None:
        uri = run.info.artifact_uri
        return self.artifacts / uri.removeprefix(SCHEME) if self.artifacts and uri.startswith(SCHEME) else None


@contextmanager
def open_store(uri: str, root: Path, study: str) -> Iterator[Store]:
    """Yield the store, to this process alone among those that work in ``root``.

    Raises:
        ArchipelagoError: the store cannot be reached or written, now or while the block runs.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    with _alone(root / ".cache" / "tracking.lock"):
        try:
            yield _connect(uri, root)
        except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise ArchipelagoError(
                re.sub(r"//[^/@\s]*@", "//", f"the tracking store {uri} cannot be used: {reason}"),
                study=study,
                key="tracking.uri",
                remedy="No run is lost, they lie in results/store/runs. Start the server or change the setting, "
                "then give the same command again: it logs what is missing.",
            ) from error


def _connect(uri: str, root: Path) -> Store:
    from mlflow.store.db import utils
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking import MlflowClient
    from sqlalchemy import Engine, event

    if re.match(r"https?://", uri):
        return Store(MlflowClient(uri), None)
    uri, artifacts = _places(uri, root)
    event.listen(Engine, "connect", _do_not_sync)
    utils.MAX_RETRY_COUNT = 3  # MLflow has no setting for this; its ten tries take 100 s
    # Makes the tables. A client would do so too, but it would write this machine's path into the default experiment.
    SqlAlchemyStore(uri, SCHEME)
    return Store(MlflowClient(uri), artifacts)


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


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait for all others who want this lock; it is given back by the system if the process is killed."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def serve(root: Path, uri: str = DEFAULT_URI, port: int = 5000) -> NoReturn:
    """Become MLflow's web interface to a database's runs, on this machine only: ``http://127.0.0.1:<port>``.

    Raises:
        ArchipelagoError: nothing has been tracked yet, or ``uri`` is a server, which has its own interface.
    """
    if re.match(r"https?://", uri):
        raise ArchipelagoError(f"{uri} is a server already", key="tracking.uri", remedy="Open it in a browser.")
    uri, artifacts = _places(uri, root)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise ArchipelagoError("nothing has been tracked yet", key="tracking.uri", remedy="Run `snakemake` first.")
    environment = {**SETTINGS, **os.environ}
    arguments: dict[str, object] = {
        "--backend-store-uri": uri,
        "--artifacts-destination": artifacts,
        "--host": "127.0.0.1",
    }
    arguments |= {"--port": port, "--workers": 1}
    options = [str(word) for pair in arguments.items() for word in pair]
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", "server", *options], environment)
