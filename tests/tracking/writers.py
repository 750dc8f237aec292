"""Processes that log at the same moment, and what a store then holds."""

import multiprocessing
import os
import re
import tempfile
from pathlib import Path

import sqlalchemy

from archipelago.tracking import track
from archipelago.tracking.store import connect
from tests.tracking.study import STORE, log, make_figures, make_runs, make_study

ROUNDS = 25

# Children of a process that has imported everything: a second each is saved, and they start together.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.tracking.writers", "mlflow.store.tracking.sqlalchemy_store"])


def write_at_once(jobs: list[tuple[Path, str, str]], rounds=ROUNDS, meanwhile=None, environment=None) -> list[int]:
    """Log a study for each (checkout, slug, URI), all at once; return how many runs each of them wrote."""
    together, told = processes.Barrier(len(jobs) + 1), processes.SimpleQueue()
    children = [processes.Process(target=write, args=(*job, rounds, environment or {}, together, told)) for job in jobs]
    for child in children:
        child.start()
    try:
        together.wait(120)  # all make the tables at once,
        together.wait(120)  # and all look at what is there at once
        if meanwhile:
            meanwhile()
        for child in children:
            child.join(180)
        assert [child.exitcode for child in children] == [0] * len(children)
    finally:
        for child in children:
            child.kill()
    return [told.get() for _ in children]


def write(root: Path, slug: str, uri: str, rounds: int, environment: dict[str, str], together, told) -> None:
    os.environ.update(environment)
    root.mkdir()
    # As on another machine: MLflow's own lock is a file in the folder for temporary files.
    os.environ["TMPDIR"] = tempfile.tempdir = str(root)
    runs = make_runs(root, rounds=rounds)
    study, figures = make_study(root) | {"slug": slug}, make_figures(root)
    together.wait(120)
    connect(uri, root)
    together.wait(120)
    told.put(track(study, runs, figures, uri, root, wait=90.0).logged)


def held_after_one_writer(root: Path) -> list:
    """What a store that nobody else writes to, and that is never away, holds of a study."""
    log(root, make_runs(root, rounds=ROUNDS))
    (runs,) = held(f"sqlite:///{root / STORE}/mlflow.db", [root / STORE / "artifacts"]).values()
    return runs


def held(database: str, artifacts: list[Path]) -> dict[str, list]:
    """What a database holds in each experiment, run by run, without ids: it is equal for stores that hold the same.

    The files are looked for in each of the folders of artifacts; all must have the same.
    """
    engine = sqlalchemy.create_engine(database)
    with engine.connect() as connection:

        def rows(query):
            return connection.execute(sqlalchemy.text(query)).fetchall()

        def of(run, columns, table, where="run_uuid"):
            return sorted(tuple(row) for row in rows(f"select {columns} from {table} where {where} = '{run}'"))

        runs = rows(
            "select e.name, r.run_uuid, r.name, r.status, r.artifact_uri from runs r"
            " join experiments e on e.experiment_id = r.experiment_id where r.lifecycle_stage = 'active'"
        )
        names = {run: name for _, run, name, _, _ in runs}
        experiments: dict[str, list] = {}
        for experiment, run, name, status, uri in runs:
            tags = dict(of(run, "key, value", "tags"))
            slug = tags["study"]
            above = names.get(tags.pop("mlflow.parentRunId", None), "nothing")
            told = {key: value for key, value in tags.items() if key not in ("study", "logged_by")}
            parts = [
                of(run, "key, step, timestamp, value, is_nan", "metrics"),
                of(run, "key, step", "latest_metrics"),
                of(run, "key, value", "params"),
                of(run, "source_type", "inputs", "destination_id"),
            ]
            files = [contents(folder / uri.removeprefix("mlflow-artifacts:/")) for folder in artifacts]
            assert all(file == files[0] for file in files)
            entry = (name, status, f"below {above}", sorted(told.items()), *parts, files[0])
            experiments.setdefault(re.sub(f"^{slug}/", "<slug>/", experiment) + f" of {slug}", []).append(entry)
    engine.dispose()
    return {name: sorted(entries) for name, entries in experiments.items()}


def contents(folder: Path) -> list[tuple[str, bytes]]:
    """The files in a folder."""
    return sorted((str(file.relative_to(folder)), file.read_bytes()) for file in folder.rglob("*") if file.is_file())
