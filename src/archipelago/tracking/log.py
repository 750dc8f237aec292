"""Logging a study: an experiment that holds a run for the study, below it one for each arm, below that its seeds.

What is logged has a key. What is there under its key is not logged again, what a killed process left unfinished is
finished, and what stands in the place of something new is deleted after it.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from archipelago.address.files import alone
from archipelago.address.keys import key_of
from archipelago.errors import ArchipelagoError
from archipelago.tracking.patience import Sweep, insist
from archipelago.tracking.runs import Curve, Records, TrackedRun, legal, mean, parameters, read_records
from archipelago.tracking.store import Store, away, connect, failures, refusal

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric, Run

PARENT = "mlflow.parentRunId"
Place = tuple[str, str, str, str]
"""Level, arm, condition, seed."""
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
    """One MLflow run to be."""

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
    def place(self) -> Place:
        """What it is in the experiment; there is one run in each place."""
        return self.level, self.arm, self.condition, self.seed

    @property
    def name(self) -> str:
        """What MLflow calls it: an arm, its condition, the seed."""
        return " / ".join(filter(None, (self.arm, self.condition, self.seed and f"seed {self.seed}"))) or self.level


def track(
    study: StudyFacts,
    runs: Sequence[TrackedRun],
    figures: Sequence[Path],
    uri: str,
    root: Path,
    *,
    wait: float = 0.0,
    sweep: str = "",
) -> Summary:
    """Log a study's runs, figures, configuration and verdicts to the experiment ``<slug>/<view>``.

    Runs that are not named in this call are left alone. ``uri``: an MLflow server (http, https) or a database; the path
    of an SQLite file is relative to ``root``, the repository. A store that is away is waited for, ``wait`` seconds; if
    that is in vain, later calls of the same ``sweep`` do not wait. Calls with the same ``root`` take turns.

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
        entries = [_study_entry(study, runs, figures, common | about, Path(scratch))]
        for members in arms.values():
            entries += [_arm_entry(members, common), *(_seed_entry(*member, common, root) for member in members)]
        experiment = Experiment(f"{study['slug']}/{study['view']}", about, entries)
        with alone(root / ".cache" / "tracking.lock"):
            calls = Sweep(sweep, root)
            try:
                patience = calls.patience(wait)
                insist(lambda: experiment.log(connect(uri, root)), lambda: experiment.changes, uri, patience)
            except failures() as error:
                if away(uri, error):
                    calls.give_up()
                raise refusal(uri, study["slug"], error) from error
    return experiment.summary()


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
    """What an MLflow experiment shall hold.

    Others may log the same at the same time, from other checkouts and other machines, and MLflow has no locks. So all
    look, write, and look again until there is nothing to write. Of runs that were finished in one place, the oldest
    stays, whoever wrote it; all who look see the same one. Whoever moved a run to the bin looks again, too, so no run
    is lost to two who each kept another one.
    """

    def __init__(self, name: str, tags: Mapping[str, str], entries: Sequence[Entry]) -> None:
        self.name, self.tags, self.entries = name, tags, entries
        self.writer = uuid.uuid4().hex
        self.written: set[Place] = set()
        self.deleted = 0
        self.changes = 0

    def summary(self) -> Summary:
        """What was done."""
        return Summary(self.name, len(self.written), len(self.entries) - len(self.written), self.deleted)

    def log(self, store: Store) -> None:
        """Have each entry in its place, finished and alone. May be called again after a failure."""
        self.store, self.client = store, store.client
        self.id = store.experiment(self.name)
        self._describe()
        runs = self._look()
        replaced: set[str] = set()
        for entry in self.entries:
            same = [run for run in runs[entry.place] if _has(entry, run)]
            finished = [run for run in same if _is_finished(run)]
            replaced |= {run.info.run_id for run in runs[entry.place] if run not in (finished or same)}
            for run in finished:
                if "diverged" in entry.tags:
                    self._tag(run, "diverged", entry.tags["diverged"])
        while self._settle(runs, replaced):
            runs = self._look()

    def _describe(self) -> None:
        present = self.client.get_experiment(self.id).tags
        for tag in present.keys() - self.tags.keys():
            if tag.startswith("verdict."):
                self.client.delete_experiment_tag(self.id, tag)
        for tag, text in self.tags.items():
            if present.get(tag) != text:
                self.client.set_experiment_tag(self.id, tag, text)

    def _look(self) -> dict[Place, list[Run]]:
        """The runs in each place, the oldest first."""
        runs: dict[Place, list[Run]] = defaultdict(list)
        for run in sorted(self.store.runs(self.id), key=lambda run: (run.info.start_time, run.info.run_id)):
            has = run.data.tags
            runs[has.get("level", ""), has.get("arm", ""), has.get("condition", ""), has.get("seed", "")].append(run)
        return runs

    def _settle(self, runs: dict[Place, list[Run]], replaced: set[str]) -> bool:
        """Write what is missing, delete what is ``replaced`` or too many; return whether anything was to be done."""
        before = self.changes
        present: dict[Place | None, str] = {}
        for entry in self.entries:
            here = runs[entry.place]
            stays = next((run for run in here if _is_finished(run) and run.info.run_id not in replaced), None)
            if stays is None:
                unfinished = [run for run in here if run.info.run_id not in replaced and _has(entry, run)]
                here, stays = [], self._write(entry, unfinished, present.get(_above(entry.place)))
            else:
                # Others' unfinished runs are left to them, but not those of a request of ours that seemed to fail.
                for run in here:
                    ours = run.data.tags.get("logged_by") == self.writer
                    if run is not stays and (run.info.run_id in replaced or ours or _is_finished(run)):
                        self._delete(run)
                here = [stays]
                if _has(entry, stays):
                    self.store.complete(stays, entry.files)
            runs[entry.place] = here
            present[entry.place] = stays.info.run_id
        # Also those that are not in this call.
        for place, here in runs.items():
            if parent := present.get(_above(place)):
                for run in here:
                    self._tag(run, PARENT, parent)
        return self.changes > before

    def _tag(self, run: Run, name: str, text: str) -> None:
        if run.data.tags.get(name) != text:
            self.client.set_tag(run.info.run_id, name, text)
            self.changes += 1

    def _delete(self, run: Run) -> None:
        self.store.delete(run)
        self.deleted += 1
        self.changes += 1

    def _write(self, entry: Entry, unfinished: Sequence[Run], parent: str | None) -> Run:
        """Finish the run that somebody left unfinished in the entry's place, or make one."""
        from mlflow.entities import Param, RunTag

        tags = {**entry.tags, PARENT: parent} if parent else dict(entry.tags)
        metrics, lost = _points(entry.curves)
        if lost:
            tags["not_finite"] = ", ".join(f"{name} from round {round_}" for name, round_ in lost.items())
        run = unfinished[0] if unfinished else self._create(entry, tags)
        parameters = [Param(name, text) for name, text in entry.parameters.items()]
        self.client.log_batch(run.info.run_id, metrics, parameters, [RunTag(*tag) for tag in tags.items()])
        if entry.data:
            self.client.log_inputs(run.info.run_id, [_dataset(*entry.data)])
        self.store.attach(run, entry.files)
        self.client.set_terminated(run.info.run_id, "FINISHED")
        self.written.add(entry.place)
        self.changes += 1
        return run

    def _create(self, entry: Entry, tags: Mapping[str, str]) -> Run:
        # The tags by which a run is found come with it: whenever the process is killed, the run can be found again.
        place = dict(zip(("level", "arm", "condition", "seed"), entry.place, strict=True))
        found_by = {name: text for name, text in place.items() if text}
        found_by |= {"run_key": entry.key, "logged_by": self.writer}
        return self.client.create_run(self.id, tags={**tags, **found_by}, run_name=entry.name)


def _above(place: Place) -> Place | None:
    """The place that a run is shown below."""
    level, arm, condition, _ = place
    return {"seed": ("arm", arm, condition, ""), "arm": ("study", "", "", "")}.get(level)


def _is_finished(run: Run) -> bool:
    return run.info.status == "FINISHED"


def _has(entry: Entry, run: Run) -> bool:
    return run.data.tags.get("run_key") == entry.key


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
