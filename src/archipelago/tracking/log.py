"""Logging a study: an experiment that holds a run for the study, one for each arm, and below each arm its seeds.

What is logged has a key. What is there under its key is not logged again, what a killed process left unfinished is
finished, and what stands in the place of something new is deleted after it.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from archipelago.address.keys import key_of
from archipelago.errors import ArchipelagoError
from archipelago.tracking.runs import Curve, Records, TrackedRun, legal, mean, parameters, read_records
from archipelago.tracking.store import Store, open_store

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric, Run

PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
"""Markdown that MLflow shows on top of a run or an experiment."""


class StudyFacts(TypedDict):
    """What is known of a study: ``config`` is its file, ``verdicts`` the content of its ``verdicts.json``."""

    slug: str
    title: str
    claim: str
    config: Path
    commit: str
    verdicts: Mapping[str, Any]
    view: str


@dataclass(frozen=True)
class Summary:
    """What a call to `track` did, in MLflow runs (the study, its arms, their seeds)."""

    experiment: str
    logged: int
    kept: int
    deleted: int


@dataclass(frozen=True)
class Entry:
    """One MLflow run to be. Its place in the experiment is (level, arm, condition, seed)."""

    level: str
    key: str
    tags: Mapping[str, str]
    arm: str = ""
    condition: str = ""
    seed: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    data: tuple[str, str] | None = None
    """Name and checksum of the data set."""
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, ...]:
        """What it is in the experiment; there is one run in each place."""
        return self.level, self.arm, self.condition, self.seed

    @property
    def name(self) -> str:
        """What MLflow calls it: an arm, its condition, the seed."""
        return " / ".join(filter(None, (self.arm, self.condition, self.seed and f"seed {self.seed}"))) or self.level


def track(study: StudyFacts, runs: Sequence[TrackedRun], figures: Sequence[Path], uri: str, root: Path) -> Summary:
    """Log a study's runs, figures, configuration and verdicts to the experiment ``<slug>/<view>``.

    Runs that are not named in this call are left alone. ``uri``: an MLflow server (http, https) or a database; the path
    of an SQLite file is relative to ``root``, the repository.

    Raises:
        ArchipelagoError: a file to log is missing, or the store cannot be used.
    """
    records = read_records(runs)
    arms: dict[tuple[str, str], list[tuple[TrackedRun, Records]]] = defaultdict(list)
    for run, recorded in zip(runs, records, strict=True):
        arms[run.arm, run.condition].append((run, recorded))
    common = {"study": study["slug"], "view": study["view"]}
    # MLflow's own tag fills its column "Version", but is not shown among the tags.
    common |= {"git_commit": study["commit"], "mlflow.source.git.commit": study["commit"]}
    about = _about(study)
    with tempfile.TemporaryDirectory() as scratch:
        whole = _study_entry(study, runs, figures, common | about, Path(scratch))
        with open_store(uri, root, study["slug"]) as store:
            experiment = Experiment(store, f"{study['slug']}/{study['view']}", about)
            experiment.log(whole)
            for (arm, condition), members in arms.items():
                parent = experiment.log(_arm_entry(members, common))
                for run, recorded in members:
                    experiment.log(_seed_entry(run, recorded, common | {PARENT: parent}, root))
                experiment.gather(arm, condition, parent)
    return Summary(experiment.name, experiment.logged, experiment.kept, experiment.deleted)


def _about(study: StudyFacts) -> dict[str, str]:
    """Tags that describe the study and its verdicts."""
    hypotheses = study["verdicts"].get("hypotheses", {})
    rows = [f"| {name} | {found['verdict']} | {found.get('reason', '')} |" for name, found in hypotheses.items()]
    note = [f"**{study['title']}**", "", study["claim"], "", "| hypothesis | verdict | reason |", "| --- | --- | --- |"]
    verdicts = {legal(f"verdict.{name}"): found["verdict"] for name, found in hypotheses.items()}
    return {"title": study["title"], "claim": study["claim"], NOTE: "\n".join(note + rows), **verdicts}


def _study_entry(
    study: StudyFacts, runs: Sequence[TrackedRun], figures: Sequence[Path], tags: Mapping[str, str], scratch: Path
) -> Entry:
    verdicts = scratch / "verdicts.json"
    verdicts.write_text(json.dumps(study["verdicts"], indent=1, ensure_ascii=False) + "\n")
    files = {f"figures/{figure.name}": figure for figure in figures}
    files |= {f"config/{study['config'].name}": study["config"], "verdicts/verdicts.json": verdicts}
    try:
        digests = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    except OSError as error:
        remedy = "Run `snakemake` for this study again: it makes what is missing."
        raise ArchipelagoError(f"cannot read {error.filename}", study=study["slug"], remedy=remedy) from error
    content = {"runs": sorted({run.key for run in runs}), "files": digests, "about": [study["title"], study["claim"]]}
    return Entry("study", key_of(content), tags, files=files)


def _arm_entry(members: Sequence[tuple[TrackedRun, Records]], common: Mapping[str, str]) -> Entry:
    """An arm under a condition: the mean of its seeds' curves, and the parameters they share."""
    first = members[0][0]
    specs = [parameters(run.spec) for run, _ in members]
    shared = {name: text for name, text in specs[0].items() if all(spec.get(name) == text for spec in specs)}
    seeds = ", ".join(str(run.seed) for run, _ in sorted(members, key=lambda member: member[0].seed))
    return Entry(
        "arm",
        key_of(sorted(run.key for run, _ in members)),
        {**common, "scale": first.scale, "seeds": seeds},
        first.arm,
        first.condition,
        parameters=shared,
        curves=mean([recorded.curves for _, recorded in members]),
    )


def _seed_entry(run: TrackedRun, recorded: Records, common: Mapping[str, str], root: Path) -> Entry:
    tags = {**common, "scale": run.scale, "data_checksum": run.data_checksum, "diverged": str(run.diverged).lower()}
    if run.partition_checksum:
        tags["partition_checksum"] = run.partition_checksum
    if run.folder.is_relative_to(root):
        tags["folder"] = str(run.folder.relative_to(root))
    return Entry(
        "seed",
        run.key,
        tags | {f"recorded.{name}": text for name, text in recorded.texts.items()},
        run.arm,
        run.condition,
        str(run.seed),
        parameters=parameters(run.spec),
        curves=recorded.curves,
        data=(run.spec["data"], run.data_checksum),
    )


class Experiment:
    """An MLflow experiment, and the runs it held when it was opened, by their places."""

    def __init__(self, store: Store, name: str, tags: Mapping[str, str]) -> None:
        self.store, self.client, self.name = store, store.client, name
        self.id = store.experiment(name)
        self.logged = self.kept = self.deleted = 0
        self.runs: dict[tuple[str, ...], list[Run]] = defaultdict(list)
        for run in store.runs(self.id):
            has = run.data.tags
            self.runs[tuple(has.get(name, "") for name in ("level", "arm", "condition", "seed"))].append(run)
        present = self.client.get_experiment(self.id).tags
        for tag in present.keys() - tags.keys():
            if tag.startswith("verdict."):
                self.client.delete_experiment_tag(self.id, tag)
        for tag, text in tags.items():
            if present.get(tag) != text:
                self.client.set_experiment_tag(self.id, tag, text)

    def log(self, entry: Entry) -> str:
        """Have the entry in its place, finished and alone; return the id of its run."""
        here = self.runs[entry.place]
        same = [run for run in here if run.data.tags.get("run_key") == entry.key]
        run = min(same, key=lambda run: run.info.status != "FINISHED") if same else self._create(entry)
        if run.info.status == "FINISHED":
            self.kept += 1
            self._tag(run, entry.tags, "diverged")
        else:
            self._fill(run, entry)
            self.logged += 1
        for other in here:
            if other is not run:
                self.store.delete(other)
                self.deleted += 1
        self.runs[entry.place] = [run]
        return run.info.run_id

    def gather(self, arm: str, condition: str, parent: str) -> None:
        """Put all seeds of an arm below the arm's present run."""
        for (level, *place, _), runs in self.runs.items():
            if level == "seed" and place == [arm, condition]:
                for run in runs:
                    self._tag(run, {PARENT: parent}, PARENT)

    def _tag(self, run: Run, tags: Mapping[str, str], name: str) -> None:
        if name in tags and run.data.tags.get(name) != tags[name]:
            self.client.set_tag(run.info.run_id, name, tags[name])

    def _create(self, entry: Entry) -> Run:
        # The tags by which a run is found come with it: whenever the process is killed, the run can be found again.
        place = dict(zip(("level", "arm", "condition", "seed"), entry.place, strict=True))
        tags = {name: text for name, text in place.items() if text} | {"run_key": entry.key, **entry.tags}
        return self.client.create_run(self.id, tags=tags, run_name=entry.name)

    def _fill(self, run: Run, entry: Entry) -> None:
        from mlflow.entities import Param, RunTag

        metrics, lost = _points(entry.curves)
        tags = [RunTag(name, text) for name, text in entry.tags.items()]
        if lost:
            tags.append(RunTag("not_finite", ", ".join(f"{name} from round {round_}" for name, round_ in lost.items())))
        self.client.log_batch(run.info.run_id, metrics, [Param(k, v) for k, v in entry.parameters.items()], tags)
        if entry.data:
            self.client.log_inputs(run.info.run_id, [_dataset(*entry.data)])
        self.store.attach(run, entry.files)
        self.client.set_terminated(run.info.run_id, "FINISHED")


def _points(curves: Mapping[str, Curve]) -> tuple[list[Metric], dict[str, int]]:
    """The curves as MLflow's points, and for each metric that was not finite the first round where it was not.

    A point is stored once per (metric, value, step, time), so its time is made of its round. Infinity becomes
    not-a-number, for the databases turn it into 1.8e308, and that breaks the scale of every chart.
    """
    from mlflow.entities import Metric

    points: list[Metric] = []
    lost: dict[str, int] = {}
    for name, curve in curves.items():
        for round_, value in curve.items():
            if not math.isfinite(value):
                lost.setdefault(name, round_)
                value = math.nan
            points.append(Metric(name, value, 1000 * round_, round_))
    return points, lost


def _dataset(name: str, checksum: str) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput

    return DatasetInput(Dataset(name, checksum[:36], "archipelago", f"data/{name}-{checksum}"))
