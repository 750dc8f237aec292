"""A study as its file tells it: conditions and arms merged into specifications of runs."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from archipelago.errors import ArchipelagoError

Spec = dict[str, Any]
RESOURCES = {"threads": 1, "mem_mb": 2000, "runtime": 60, "gpu": 0, "batch": 0}
SPEC_KEYS = ("data", "partition", "model", "feed", "method", "rounds", "evaluate_every")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which 1e-3 is a number and a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = sorted({k for k in keys if keys.count(k) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key {twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*\.?[\d_]*([eE][-+]?\d+)|\d[\d_]*\.[\d_]*|\.\d[\d_]*([eE][-+]?\d+)?|\.inf|\.nan)$"),
    list("-+0123456789."),
)


def read_yaml(path: Path, study: str | None = None) -> dict[str, Any]:
    """Read a YAML mapping; what is not one is refused with the place."""
    try:
        content = yaml.load(path.read_text(), Loader=_Loader)
    except FileNotFoundError as error:
        raise ArchipelagoError(f"{path} does not exist", study=study, remedy="Check the spelling.") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ArchipelagoError(
            f"{path} is not valid YAML ({' '.join(str(error).split())})", study=study, remedy="Mend the file."
        ) from error
    if not isinstance(content, dict):
        raise ArchipelagoError(f"{path} holds no mapping", study=study, remedy="Begin it with `slug: ...`.")
    return content


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy that names the nearest known word, and all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(str(word), known, n=1)
    return (f"Did you mean {near[0]!r}? " if near else "") + f"Known: {', '.join(known)}."


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge of two mappings, ``over`` winning; a class path that differs takes its own init arguments with it."""
    if {"class_path"} <= base.keys() & over.keys() and base["class_path"] != over["class_path"]:
        return copy.deepcopy(dict(over))
    merged = copy.deepcopy(dict(base))
    for name, value in over.items():
        old = merged.get(name)
        merged[name] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else copy.deepcopy(value)
    return merged


@dataclass(frozen=True)
class Cell:
    """A run under the names that a study gives it; equal specifications are one run, whatever they are called."""

    arm: str
    condition: str
    seed: int
    spec: Spec = field(hash=False)


@dataclass(frozen=True)
class Selection:
    """Which of a scale's runs are asked for; empty means all."""

    scale: str = "desk"
    headline: bool = False
    arms: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    @property
    def view(self) -> str:
        """The folder in ``results`` where the selection's results are shown: committed ones only for a whole scale."""
        if self.headline and not (self.arms or self.conditions or self.seeds):
            return "flagship"
        chosen = [*self.arms, *self.conditions, *map(str, self.seeds)]
        if not chosen:
            return "desk" if self.scale == "desk" else f"other/{self.scale}"
        if self.headline:
            chosen.insert(0, "headline")
        return f"other/{self.scale}-" + "-".join(re.sub(r"[^\w.@]+", "_", word) for word in chosen)


class Study:
    """One paper's experiment. ``content`` is the file as read, already held against the schema."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.slug = path.stem
        self.content = read_yaml(path, self.slug)

    @property
    def arms(self) -> dict[str, Any]:
        """Arms by name."""
        return self.content["arms"]

    @property
    def conditions(self) -> dict[str, Any]:
        """Conditions by name."""
        return self.content["conditions"]

    def scale(self, name: str) -> dict[str, Any]:
        """One scale's ``base`` and ``blocks``."""
        scales = self.content["scales"]
        if name not in scales:
            raise self.error(f"there is no scale {name!r}", "scales", did_you_mean(name, scales))
        return scales[name]

    def resources(self, scale: str) -> dict[str, int]:
        """What a scheduler must know of a batch at a scale (see ``config/README.md``)."""
        return {**RESOURCES, **self.content.get("resources", {}), **self.scale(scale).get("resources", {})}

    def error(self, problem: str, key: str, remedy: str) -> ArchipelagoError:
        """An error in this study's file."""
        return ArchipelagoError(problem, study=self.slug, key=key, remedy=remedy)

    def spec(self, scale: str, arm: str, condition: str, seed: int) -> Spec:
        """The specification of one run: base <- scale <- condition <- arm <- arm in this condition."""
        own = self.arms[arm]
        layers = (
            self.content["base"],
            self.scale(scale).get("base", {}),
            self.conditions[condition],
            own,
            own.get("conditions", {}).get(condition, {}),
        )
        spec: Spec = {}
        for layer in layers:
            spec = merge(spec, {name: value for name, value in layer.items() if name in SPEC_KEYS})
        spec = {name: value for name, value in spec.items() if value is not None}
        self._complete(spec, f"arms.{arm}", condition)
        return {**spec, "seed": seed}

    def _complete(self, spec: Spec, where: str, condition: str) -> None:
        for name in ("data", "feed", "method", "rounds"):
            if name not in spec:
                raise self.error(f"{name!r} is given nowhere for condition {condition!r}", where, f"Add base.{name}.")
        for name in ("feed", "method", "model"):
            if name in spec and "class_path" not in spec[name]:
                raise self.error("no class_path", f"{where}.{name}", f"Give {name}.class_path.")
        every = spec.setdefault("evaluate_every", spec["rounds"])
        if spec["rounds"] % every:
            raise self.error(
                f"evaluate_every {every} does not divide rounds {spec['rounds']}", where, "The last round is evaluated."
            )

    def cells(self, selection: Selection) -> list[Cell]:
        """All runs of a selection, in the order of the file."""
        for kind, chosen, known in (
            ("arms", selection.arms, self.arms),
            ("conditions", selection.conditions, self.conditions),
        ):
            for word in chosen:
                if word not in known:
                    raise self.error(f"there is no {word!r} among the {kind}", kind, did_you_mean(word, known))
        headline = self.content.get("headline", {}) if selection.headline else {}
        found: dict[tuple[str, str, int], Cell] = {}
        for block in self.scale(selection.scale)["blocks"]:
            seeds = selection.seeds or [s for s in block["seeds"] if s in headline.get("seeds", block["seeds"])]
            for condition in block["conditions"]:
                for arm in block["arms"]:
                    wanted = _among(arm, selection.arms, headline.get("arms")) and _among(
                        condition, selection.conditions, headline.get("conditions")
                    )
                    if wanted:
                        for seed in seeds:
                            if (arm, condition, seed) not in found:
                                spec = self.spec(selection.scale, arm, condition, seed)
                                found[arm, condition, seed] = Cell(arm, condition, seed, spec)
        return list(found.values())

    def candidates(self) -> list[Cell]:
        """The runs of the tuning: a run for every candidate, condition and tuning seed; the arm is called ``arm#i``."""
        tuning = self.content["tuning"]
        found = []
        for search in tuning["search"]:
            for i, candidate in enumerate(search["candidates"]):
                override = merge(tuning.get("base", {}), {"method": {"init_args": candidate}})
                for condition in search["conditions"]:
                    for seed in tuning["seeds"]:
                        spec = merge(self.spec("desk", search["arm"], condition, seed), override)
                        found.append(Cell(f"{search['arm']}#{i}", condition, seed, spec))
        return found


def _among(word: str, *choices: Iterable[str] | None) -> bool:
    return all(not choice or word in choice for choice in choices)


def class_paths(node: Any) -> Iterator[str]:
    """All class paths in a specification or a part of it."""
    if isinstance(node, dict):
        if "class_path" in node:
            yield node["class_path"]
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from class_paths(value)
