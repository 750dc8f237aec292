"""From a selection of studies to addressed artifacts: everything the workflow must make, and from what.

Reading only: configs, data cards and source code. Nothing heavy is imported, for this runs at every start of snakemake.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from archipelago.address.closure import CodeBase
from archipelago.address.keys import canonical, key_of
from archipelago.data.cards import Card
from archipelago.errors import ArchipelagoError
from archipelago.studies.schema import check_config, check_study, read_card
from archipelago.studies.study import Cell, Selection, Spec, Study, class_paths

STORE = Path("results/store")
PREPARED = "SHA256SUMS"
TRAINING = "archipelago.studies.train"
PARTITIONING = "archipelago.partition.make"
EVALUATION = "archipelago.studies.evaluate"
PLOTTING = "archipelago.plotting.figures"
TRACKING = "archipelago.tracking"
SITE = "archipelago.plotting.site"


@dataclass(frozen=True)
class PartitionOrder:
    """A partition to be made."""

    key: str
    parts: dict[str, Any]
    card: Card

    @property
    def path(self) -> Path:
        """Its file in the store."""
        return STORE / "partitions" / f"{self.key}.npz"


@dataclass(frozen=True)
class Run:
    """A run to be trained: its key, and the parts the key is made of."""

    key: str
    parts: dict[str, Any]
    card: Card
    partition: PartitionOrder | None
    roots: tuple[str, ...]
    """The modules whose closure is the run's code."""

    @property
    def spec(self) -> Spec:
        """The run's specification."""
        return self.parts["spec"]

    @property
    def folder(self) -> Path:
        """Its folder in the store."""
        return STORE / "runs" / self.key

    @property
    def records(self) -> Path:
        """The file whose existence says that the run is done."""
        return self.folder / "records.parquet"

    def order(self) -> dict[str, Any]:
        """What the training script must know, as plain data."""
        return {
            "key": self.key,
            "parts": self.parts,
            "folder": str(self.folder),
            "partition": str(self.partition.path) if self.partition else None,
            "roots": list(self.roots),
        }


@dataclass(frozen=True)
class Batch:
    """Runs that one process trains, one after the other, so that start-up is paid once."""

    name: str
    study: Study
    scale: str
    runs: list[Run]

    @property
    def inputs(self) -> list[Path]:
        """The data sets and partitions of its runs, each once."""
        data = [run.card.folder / PREPARED for run in self.runs]
        return list(dict.fromkeys([*data, *(run.partition.path for run in self.runs if run.partition)]))

    @property
    def resources(self) -> dict[str, int]:
        """What a scheduler must know: threads, mem_mb, runtime (minutes) and gpu."""
        return self.study.resources(self.scale)


@dataclass(frozen=True)
class Row:
    """A run under the names a study gives it."""

    cell: Cell
    run: Run

    def names(self) -> dict[str, Any]:
        """Plain data for the table."""
        return {"arm": self.cell.arm, "condition": self.cell.condition, "seed": self.cell.seed, "key": self.run.key}


@dataclass
class StudyPlan:
    """One study in one selection: its rows, and the keys of what is made of them."""

    study: Study
    selection: Selection
    rows: list[Row]
    tuning_rows: list[Row]
    code: Codes = field(repr=False)

    @property
    def slug(self) -> str:
        """The study's name."""
        return self.study.slug

    @property
    def records(self) -> list[Path]:
        """The records of all runs, each once."""
        return list(dict.fromkeys(row.run.records for row in self.rows))

    @cached_property
    def evaluation(self) -> Keyed:
        """Table and verdicts."""
        return Keyed.of(
            "evaluations",
            slug=self.slug,
            rows=[row.names() for row in self.rows],
            content=self._content("pairing", "quantities", "hypotheses"),
            code=self.code(EVALUATION),
        )

    @cached_property
    def figures(self) -> Keyed:
        """All figures of the study."""
        names = ("title", "figures", "pairing", "quantities", "hypotheses")
        titles = {
            kind: [[name, value["title"], value.get("role")] for name, value in self.study.content[kind].items()]
            for kind in ("arms", "conditions")
        }
        return Keyed.of(
            "figures",
            evaluation=self.evaluation.key,
            content={**self._content(*names), **titles},
            code=self.code(PLOTTING),
        )

    @cached_property
    def tuning(self) -> Keyed | None:
        """The scores of every candidate, if the study tunes anything.

        A decision is made once, so its key is of what was searched, not of the code; the scores name the runs.
        """
        if not self.tuning_rows:
            return None
        searched = [[row.cell.arm, row.cell.condition, row.cell.seed, row.run.spec] for row in self.tuning_rows]
        return Keyed.of("tunings", searched=searched, content=self._content("tuning", "quantities"))

    @property
    def tuning_file(self) -> Path | None:
        """The scores, kept with the committed evidence whatever part of the study is selected."""
        return Path("results/desk") / self.slug / f"tuning-{self.tuning.key}.json" if self.tuning else None

    @cached_property
    def publication(self) -> Keyed:
        """The view: what it shows, and where."""
        return Keyed.of("views", view=self.selection.view, evaluation=self.evaluation.key, figures=self.figures.key)

    @property
    def view(self) -> Path:
        """The folder that shows the results under readable names."""
        return Path("results") / self.selection.view / self.slug

    @property
    def marker(self) -> Path:
        """The file whose existence says that the view shows this evaluation and these figures."""
        return self.view / f"provenance-{self.publication.key}.json"

    def tracked(self, uri: str) -> Path:
        """The file whose existence says that this view is what the tracking store shows of the study."""
        key = Keyed.of("mlflow", publication=self.publication.key, uri=uri, code=self.code(TRACKING)).key
        return STORE / "mlflow" / "logged" / self.selection.view / self.slug / f"{key}.json"

    def provenance(self) -> dict[str, Any]:
        """What the view was made of: from any number in it one reaches, by keys, its run, code, partition and data."""
        return {
            "key": self.publication.key,
            "study": self.slug,
            "view": self.selection.view,
            "scale": self.selection.scale,
            "evaluation": self.evaluation.key,
            "figures": self.figures.key,
            "data": {run.card.name: run.card.checksum for run in self.runs},
            "partitions": len({run.partition.key for run in self.runs if run.partition}),
            "code": {
                code: asdict(self.code.base.closure(roots))
                for code, roots in {run.parts["code"]: run.roots for run in self.runs}.items()
            },
            "runs": [
                {
                    **row.names(),
                    "partition": row.run.partition.key if row.run.partition else None,
                    "data": row.run.card.name,
                    "code": row.run.parts["code"],
                }
                for row in self.rows
            ],
        }

    def tracking_facts(self) -> dict[str, Any]:
        """What the tracking store is told of the study and its runs, as plain data."""
        content = self.study.content
        return {
            "slug": self.slug,
            "title": content["title"],
            "claim": content["claim"],
            "config": str(self.study.path),
            "view": self.selection.view,
            "runs": [
                {
                    **row.names(),
                    "scale": self.selection.scale,
                    "spec": row.run.spec,
                    "folder": str(row.run.folder),
                    "data_checksum": row.run.card.checksum,
                    "partition_checksum": row.run.partition.key if row.run.partition else None,
                }
                for row in self.rows
            ],
        }

    @property
    def runs(self) -> list[Run]:
        """All runs, each once."""
        return list({row.run.key: row.run for row in self.rows}.values())

    def _content(self, *names: str) -> dict[str, Any]:
        return {name: self.study.content.get(name) for name in names}


@dataclass(frozen=True)
class Keyed:
    """An artifact and its key."""

    kind: str
    key: str

    @classmethod
    def of(cls, kind: str, **parts: Any) -> Keyed:
        """Give an artifact the key of its parts."""
        return cls(kind, key_of({"kind": kind, **parts}))

    @property
    def folder(self) -> Path:
        """Its folder in the store."""
        return STORE / self.kind / self.key


class Codes:
    """Keys of the code behind some modules, each closure read once."""

    def __init__(self, source: Path) -> None:
        self.base = CodeBase(source, "archipelago")
        self._of = cache(lambda roots: self.base.closure(roots).key)

    def __call__(self, *roots: str) -> str:
        """The key of the closure of some modules."""
        return self._of(roots)


class Plan:
    """Everything that one call of the workflow may be asked for.

    Args:
        config: ``config/config.yaml`` with the command line's ``--config`` over it.
        root: the project's folder.
    """

    def __init__(self, config: Mapping[str, Any], root: Path = Path()) -> None:
        self.config = check_config(dict(config), known_studies(root))
        self.root = root
        self.codes = Codes(root / "src")
        self.partitions: dict[str, PartitionOrder] = {}
        self.runs: dict[str, Run] = {}
        self._cards: dict[str, Card] = {}
        headline = self.config["studies"] == "flagship"
        self.selection = Selection(
            scale=self.config["scale"],
            headline=headline,
            arms=tuple(self.config["arms"]),
            conditions=tuple(self.config["conditions"]),
            seeds=tuple(self.config["seeds"]),
        )
        self.studies = [self._plan(slug) for slug in self._slugs()]

    def _slugs(self) -> list[str]:
        chosen = self.config["studies"]
        if chosen == "flagship":
            return list(self.config["flagship"])
        if chosen == "all":
            return known_studies(self.root)
        return list(chosen)

    def _plan(self, slug: str) -> StudyPlan:
        study = Study(self.root / "config" / "studies" / f"{slug}.yaml")
        check_study(study)
        rows = [Row(cell, self._run(study, cell.spec)) for cell in study.cells(self.selection)]
        if not rows:
            raise study.error(
                "no run of this scale is in the selection",
                "scales",
                "Widen arms, conditions or seeds, or leave them out.",
            )
        tuning = []
        if self.selection.scale == "desk" and study.content.get("tuning"):
            tuning = [Row(cell, self._run(study, cell.spec)) for cell in study.candidates()]
        return StudyPlan(study, self.selection, rows, tuning, self.codes)

    def _card(self, study: Study, name: str) -> Card:
        if name not in self._cards:
            try:
                self._cards[name] = read_card(name, self.root / "config" / "data")
            except ArchipelagoError as error:
                raise study.error(error.problem, "data", error.remedy) from error
        return self._cards[name]

    def _code(self, study: Study, root: str, paths: Iterable[str]) -> tuple[str, tuple[str, ...]]:
        """The key of the code behind a module and some class paths, and the roots of its closure."""
        try:
            roots = (root, *dict.fromkeys(self.codes.base.module_of(path) for path in paths))
            return self.codes(*roots), roots
        except ArchipelagoError as error:
            raise study.error(error.problem, error.key or "code", error.remedy) from error
        except SyntaxError as error:
            raise study.error(f"{error.filename}, line {error.lineno}: {error.msg}", "code", "Correct it.") from error

    def _partition(self, study: Study, spec: Spec, card: Card) -> PartitionOrder | None:
        if "partition" not in spec:
            return None
        code, _ = self._code(study, PARTITIONING, class_paths(spec["partition"]))
        parts = {"spec": spec["partition"], "seed": spec["seed"], "data": card.checksum, "code": code}
        key = key_of({"kind": "partition", **parts})
        return self.partitions.setdefault(key, PartitionOrder(key, parts, card))

    def _run(self, study: Study, spec: Spec) -> Run:
        card = self._card(study, spec["data"])
        partition = self._partition(study, spec, card)
        trained = {name: value for name, value in spec.items() if name != "partition"}
        code, roots = self._code(study, TRAINING, class_paths(trained))
        parts = {
            "spec": spec,
            "data": card.checksum,
            "partition": partition.key if partition else None,
            "code": code,
        }
        key = key_of({"kind": "run", **parts, "spec": trained})
        return self.runs.setdefault(key, Run(key, parts, card, partition, roots))

    @cached_property
    def batches(self) -> list[Batch]:
        """All runs, each in one batch of the study that names it first.

        A batch is the seeds of an arm in a condition or, where a study's ``resources.batch`` says how many, so many
        runs in the order of the file: many short runs share a start of Python that way.
        """
        taken: set[str] = set()
        batches: dict[str, Batch] = {}
        for plan in self.studies:
            groups: dict[tuple[str, ...], list[Run]] = {}
            size = plan.study.resources(self.selection.scale)["batch"]
            for kind, rows in (("train", plan.rows), ("tune", plan.tuning_rows)):
                new = {row.run.key: row for row in rows if row.run.key not in taken}
                taken |= new.keys()
                for i, row in enumerate(new.values()):
                    arm = row.cell.arm.partition("#")[0]
                    part = (str(i // size + 1),) if size else (row.cell.condition, arm)
                    groups.setdefault((kind, plan.slug, *part), []).append(row.run)
            for names, runs in groups.items():
                name = "_".join(names)
                if name in batches:  # arm c in condition a_b, arm b_c in condition a
                    name += f"_{len(batches)}"
                batches[name] = Batch(name, plan.study, self.selection.scale, runs)
        return list(batches.values())

    def study(self, slug: str) -> StudyPlan:
        """The plan of one study."""
        return next(plan for plan in self.studies if plan.slug == slug)

    @property
    def cards(self) -> list[Card]:
        """The data sets that the selection's runs use."""
        return list({run.card.name: run.card for run in self.runs.values()}.values())

    @cached_property
    def site(self) -> Path:
        """The file whose existence says that the site of this view shows the selection."""
        templates = sorted((self.root / "src/archipelago/plotting/templates").iterdir())
        key = Keyed.of(
            "site",
            publications=[plan.publication.key for plan in self.studies],
            tunings=[plan.tuning.key if plan.tuning else None for plan in self.studies],
            studies=[plan.study.content for plan in self.studies],
            code=self.codes(SITE),
            templates=[path.read_text() for path in templates],
        ).key
        return STORE / "site" / self.selection.view / f"built-{key}.json"

    @property
    def command(self) -> str:
        """The command that makes this selection from a clone."""
        chosen = [("studies", self.config["studies"]), ("scale", self.config["scale"])]
        chosen += [(name, self.config[name]) for name in ("arms", "conditions", "seeds") if self.config[name]]
        words = [f"{name}={canonical(value) if isinstance(value, list) else value}" for name, value in chosen]
        return "snakemake" if words == ["studies=flagship", "scale=desk"] else f"snakemake --config {' '.join(words)}"

    @property
    def committed(self) -> list[str]:
        """The studies whose evidence is in git."""
        return sorted(path.parent.name for path in (self.root / "results" / "desk").glob("*/runs.parquet"))

    @property
    def tracking_uri(self) -> str:
        """Where metrics are logged; the environment's MLFLOW_TRACKING_URI wins over the config."""
        return os.environ.get("MLFLOW_TRACKING_URI") or self.config["tracking"]["uri"]


def known_studies(root: Path) -> list[str]:
    """The names of all studies."""
    return sorted(path.stem for path in (root / "config" / "studies").glob("*.yaml"))
