"""The walk from a number on a page back to what made it: table, runs, config, code, partition, data.

Every step is a key, and each is checked on the way. Here the number is computed again from the table; ``walk`` goes
from the runs to the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from archipelago.address.files import read_json
from archipelago.errors import ArchipelagoError
from archipelago.plotting.measured import Numbers
from archipelago.plotting.site import number
from archipelago.plotting.summary import Reached, Summary, costs_of, summarise
from archipelago.plotting.text import minus, with_interval
from archipelago.studies.history import History, names
from archipelago.studies.keys import plans
from archipelago.studies.plan import STORE
from archipelago.studies.study import Study, did_you_mean, read_yaml
from archipelago.studies.tune import searches
from archipelago.studies.verdicts import judge
from archipelago.studies.walk import Document, Row, Walk

RESULTS = Path("results")


class View:
    """A study's results as a view shows them, and the walks back from them.

    Args:
        name: ``<view>/<study>``, a folder in ``results``.
        history: of the project.
        rehash: whether walks hash the data and make the partitions again.

    Raises:
        ArchipelagoError: there is no such view.
    """

    def __init__(self, name: str, history: History, rehash: bool = False) -> None:
        self.name, self.history = name, history
        self.folder = RESULTS / name
        root = history.here.root
        known = views(root)
        if name not in known:
            raise ArchipelagoError(
                f"there are no results of {name!r}",
                key="view",
                remedy=f"{did_you_mean(name, known)} Or give a run's key.",
            )
        self.provenance: Document = read_json(next((root / self.folder).glob("provenance-*.json")))
        self.slug, scale = str(self.provenance["study"]), str(self.provenance["scale"])
        self.rows = [self._with_told(row) for row in self.provenance["runs"]]
        self.walk = Walk(self.slug, scale, self.rows, history, rehash, root / self.folder / "runs.parquet")
        self.rehash = rehash

    def _with_told(self, row: Row) -> Row:
        """A run with what its view tells of its data and its code."""
        data, code = row.get("data"), row.get("code")
        return {**row, "checksum": self.provenance["data"].get(data), **self.provenance.get("code", {}).get(code, {})}

    @property
    def table(self) -> pd.DataFrame:
        """The records of all its runs."""
        return self.walk.table

    @cached_property
    def verdicts(self) -> Document:
        """Its hypotheses as judged."""
        return read_json(self.history.here.root / self.folder / "verdicts.json")["hypotheses"]

    @cached_property
    def study(self) -> Document:
        """The study's file in the state of the project that the runs have their keys from, or as it stands."""
        state = self.walk.state or self.history.here
        return Study(state.root / "config" / "studies" / f"{self.slug}.yaml").content

    @cached_property
    def summary(self) -> Summary:
        """What its pages show of the table."""
        return summarise(self.study, self.table)

    @cached_property
    def _tuning(self) -> tuple[Path, Document]:
        """The file of the study's tuning and what it holds; nothing if the study tuned nothing."""
        folder = RESULTS / "desk" / self.slug
        file = next((self.history.here.root / folder).glob("tuning-*.json"), None)
        return (folder / file.name, read_json(file)) if file else (folder, {"search": [], "runs": []})

    @cached_property
    def tuned(self) -> list[Row]:
        """The runs of the tuning. A file that does not name them has its key from the state that does."""
        file, tuning = self._tuning
        if "runs" in tuning:
            return tuning["runs"]
        for state in self.history.states():
            plan = self.history.plan(state, self.slug, "desk", ())
            if plan and plan.tuning and plan.tuning.key == file.stem.removeprefix("tuning-"):
                return [row.names() for row in plan.tuning_rows]
        return []

    @cached_property
    def tuning_walk(self) -> Walk:
        """From the runs of the tuning."""
        return Walk(self.slug, "desk", self.tuned, self.history, self.rehash)

    def hypothesis(self, name: str) -> Document:
        """Walk back from the numbers of a hypothesis.

        Raises:
            ArchipelagoError: there is no such hypothesis.
        """
        if name not in self.verdicts:
            raise self._error(f"there is no hypothesis {name!r}", "hypotheses", did_you_mean(name, self.verdicts))
        study, kept = self.study, self.verdicts[name]
        stated = {one: entry for one, entry in study["hypotheses"].items() if one == name}
        asked = [names(row) for row in self.rows]
        judged = judge(self.slug, study["quantities"], stated, self.table, study.get("pairing"), asked)
        again = judged["hypotheses"].get(name)
        parts = {part["part"]: part for part in again["parts"]} if again else {}
        pairs = [
            (name, kept, again),
            *((f"{name} {one['part']}", one, parts.get(one["part"])) for one in kept["parts"]),
        ]
        numbers = [
            {**self._number(what, _effect(one), one["effect"], one["n"], "verdicts.json"), "same": one == other}
            for what, one, other in pairs
        ]
        made_of = self.summary.made_of.get(name, {})
        rows = [row for row in self.rows if row["arm"] in made_of.get(row["condition"], [])]
        return self._document(name, numbers, rows, verdict=kept["verdict"], statement=kept["statement"])

    def cells(self, arm: str | None = None, condition: str | None = None, seed: int | None = None) -> Document:
        """Walk back from what runs reached and cost: those of an arm, in a condition, on a seed, None being any.

        Raises:
            ArchipelagoError: there is no such run.
        """
        wanted = {
            kind: word for kind, word in (("arm", arm), ("condition", condition), ("seed", seed)) if word is not None
        }
        tuned = arm is not None and "#" in arm
        rows = self.tuned if tuned else self.rows
        for kind, word in wanted.items():
            fitting = [row for row in rows if row[kind] == word]
            if not fitting:
                others = {str(row[kind]) for row in rows or self.rows}
                raise self._error(
                    f"{self.name} shows no such run of {kind} {word}", kind, did_you_mean(str(word), others)
                )
            rows = fitting
        numbers = self._scores(rows) if tuned else [*self._reached(rows, seed), *self._costs(rows)]
        return self._document(" ".join(f"--{kind} {word}" for kind, word in wanted.items()), numbers, rows)

    def _document(self, words: str, numbers: list[Document], rows: Sequence[Row], **more: Any) -> Document:
        walk = self.tuning_walk if rows and "#" in rows[0]["arm"] else self.walk
        return {
            "asked": f"{self.name} {words}".strip(),
            **more,
            "numbers": numbers,
            "runs": [walk.run(row) for row in rows],
        }

    def _number(self, what: str, shown: str, value: float | None, n: int, file: str) -> Document:
        """A number. ``file``: where it stands, or what it is computed from; ``same``: whether it is what one finds when
        one computes it again, None where there is nothing to compare it with."""
        return {"what": what, "shown": shown, "value": value, "n": n, "file": str(self.folder / file), "same": None}

    def _reached(self, rows: Sequence[Row], seed: int | None) -> list[Document]:
        """All quantities of some runs: as pages show them or, with a seed, of its units alone."""
        found = []
        for condition, arm in dict.fromkeys((row["condition"], row["arm"]) for row in rows):
            for quantity, reached in self.summary.results.get(condition, {}).get(arm, {}).items():
                one = reached if seed is None else self._on_seed(quantity, arm, condition, seed)
                if one:
                    shown = number(one.mean, one.sd)
                    found.append(
                        self._number(f"{quantity} of {arm} in {condition}", shown, one.mean, one.n, "runs.parquet")
                    )
        return found

    def _on_seed(self, quantity: str, arm: str, condition: str, seed: int) -> Reached | None:
        measured = Numbers(self.study, self.table)
        units = measured.pairing(quantity).units
        sample = measured.measurements.measure(quantity, arm, condition, units)
        values = [value for unit, value in sample.values.items() if unit[units.index("seed")] == seed] if sample else []
        if not values:
            return None
        return Reached(fmean(values), stdev(values) if len(values) > 1 else None, len(values))

    def _costs(self, rows: Sequence[Row]) -> list[Document]:
        """The costs of some runs, mean by arm."""
        return [
            self._number(
                f"{cost} of {arm}", number(value), value, sum(row["arm"] == arm for row in rows), "runs.parquet"
            )
            for arm, costs in costs_of(self.walk.rows_of(rows)).items()
            for cost, value in costs.items()
        ]

    def _scores(self, rows: Sequence[Row]) -> list[Document]:
        """The scores of a candidate in the conditions of some of its runs, and over all conditions of its search."""
        file, tuning = self._tuning
        arm, _, place = rows[0]["arm"].partition("#")
        values = {names(row): row.get("value") for row in self.tuned}
        plain = [{**one, "candidates": [tried["init_args"] for tried in one["candidates"]]} for one in tuning["search"]]
        again = searches({**tuning, "search": plain}, values)
        chosen = {row["condition"] for row in rows}
        found = []
        for kept, other in zip(tuning["search"], again, strict=True):
            if kept["arm"] != arm or not chosen.intersection(kept["conditions"]):
                continue
            old, new = kept["candidates"][int(place)], other["candidates"][int(place)]
            pairs = [(f"in {c}", old["scores"][c], new["scores"][c]) for c in kept["conditions"] if c in chosen]
            pairs.append((f"{kept['combine']} over {', '.join(kept['conditions'])}", old["score"], new["score"]))
            for where, score, redone in pairs:
                what = f"{tuning['quantity']} of {arm}#{place}, {where}"
                one = self._number(what, number(score), score, len(tuning["seeds"]), file.name)
                same = score == redone if "runs" in tuning else None
                found.append({**one, "file": str(file), "same": same})
        return found

    def _error(self, problem: str, key: str, remedy: str) -> ArchipelagoError:
        return ArchipelagoError(problem, study=self.slug, key=key, remedy=remedy)


def trace(
    target: str,
    hypothesis: str | None = None,
    arm: str | None = None,
    condition: str | None = None,
    seed: int | None = None,
    rehash: bool = False,
    root: Path = Path(),
) -> Document:
    """Walk back from numbers of a view, or from a run's key.

    Args:
        target: ``<view>/<study>``, or a run's key or its beginning.
        hypothesis: whose numbers; or else ``arm``, ``condition``, ``seed``: of which runs, None being any.
        rehash: whether to hash the data and make the partitions again.
        root: the project's folder.

    Returns:
        ``asked``; ``numbers``, see ``View``; ``runs``, see ``Walk.run``; of a hypothesis its ``verdict`` and
        ``statement``; of a key where it is ``shown``.

    Raises:
        ArchipelagoError: there is nothing of that name.
    """
    with History(root) as history:
        name = target.removeprefix("results/").strip("/")
        if "/" not in name and set(name) <= set("0123456789abcdef"):
            return _trace_key(name, history, rehash)
        view = View(name, history, rehash)
        if hypothesis is None:
            return view.cells(arm, condition, seed)
        if (arm, condition, seed) != (None, None, None):
            raise ArchipelagoError(
                "a hypothesis has its own arms, conditions and seeds",
                key=hypothesis,
                remedy="Leave out the hypothesis, or --arm, --condition and --seed.",
            )
        return view.hypothesis(hypothesis)


def views(root: Path) -> list[str]:
    """Every view of a study, as ``<view>/<study>``; the committed ones first."""
    found = [path for depth in ("*/*", "other/*/*") for path in (root / RESULTS).glob(f"{depth}/provenance-*.json")]
    shown = [str(path.parent.relative_to(root / RESULTS)) for path in found]
    return sorted(shown, key=lambda name: (not name.startswith("desk/"), name))


def _trace_key(start: str, history: History, rehash: bool) -> Document:
    root = history.here.root
    shown: dict[str, list[tuple[View, Row]]] = {}
    for view in (View(name, history, rehash) for name in views(root)):
        for row in (*view.rows, *view.tuned):
            if row["key"].startswith(start):
                shown.setdefault(row["key"], []).append((view, row))
    planned: dict[str, tuple[str, str, Row]] = {}
    if not shown:
        for plan in plans(read_yaml(root / "config" / "config.yaml"), root):
            for study in plan.studies:
                for one in (*study.rows, *study.tuning_rows):
                    if one.run.key.startswith(start):
                        planned[one.run.key] = (study.slug, plan.selection.scale, one.names())
    stored = [path.name for path in (root / STORE / "runs").glob(f"{start}*")]
    keys = sorted({*shown, *planned, *stored})
    if len(keys) != 1:
        listed = f": {', '.join(keys[:4])}{', ...' if len(keys) > 4 else ''}" if keys else ""
        raise ArchipelagoError(
            f"{len(keys) or 'no'} runs have a key that begins with {start!r}{listed}",
            key="key",
            remedy="Give more of it."
            if keys
            else "`archipelago keys` lists the store; `dvc pull` brings what is not here.",
        )
    (key,) = keys
    if key in shown:
        view, row = shown[key][0]
        found = view.cells(*names(row))
        return {**found, "shown": [f"{other.name} as {' '.join(map(str, names(one)))}" for other, one in shown[key]]}
    slug, scale, row = planned.get(key, (None, "", {"arm": None, "condition": None, "seed": None, "key": key}))
    return {"asked": key, "numbers": [], "runs": [Walk(slug, scale, [row], history, rehash).run(row)], "shown": []}


def _effect(judged: Document) -> str:
    return minus(with_interval(judged["effect"], judged["interval"])) if judged["effect"] is not None else "–"
