"""A study as its file tells it: conditions and arms merged into specifications of runs."""

from __future__ import annotations

import copy
import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from archipelago.errors import ArchipelagoError

Spec = dict[str, Any]
RESOURCES = {"threads": 1, "mem_mb": 2000, "runtime": 60, "gpu": 0, "batch": 0}
DEEPEST, LARGEST = 32, 20_000
"""How deep a config may be nested, and how many values it may hold with its anchors written out."""
LONGEST = 120
"""How many characters of a selection's words are in the name of its view; the rest is a digest."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
SPEC_KEYS = ("data", "partition", "model", "feed", "method", "rounds", "evaluate_every")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which 1e-3 is a number, 010, 1:30 and 2026-01-01 are texts, and a key is a text and stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                raise _refused(f"key {str(key.value)[:40]!r} is no text; put it in quotes", key)
            if len(key.value) > 200 or "\n" in key.value:
                raise _refused(f"key {key.value[:40]!r}... is no short line", key)
            if key.value in seen:
                raise _refused(f"key {key.value!r} stands twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_OWN = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag not in _OWN]
    for first, forms in _Loader.yaml_implicit_resolvers.items()
}
_FLOAT = r"[-+]?(\d[\d_]*\.?[\d_]*([eE][-+]?\d+)|\d[\d_]*\.[\d_]*|\.\d[\d_]*([eE][-+]?\d+)?|\.inf|\.nan)"
_INT = r"[-+]?(0|[1-9][\d_]*)"
for _kind, _form in (("float", _FLOAT), ("int", _INT)):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"^{_form}$", re.ASCII), list("-+0123456789.")
    )


def _refused(problem: str, at: Any) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(None, None, problem, at.start_mark)


def _weigh(text: str) -> None:
    """Refuse what a config has no use for, before anything is made of it.

    That is: tags, control characters, and anchors that stand for themselves or, written out, for too much.
    """
    values = 0
    anchored: dict[str, int] = {}  # the values that an anchor stands for
    around: list[tuple[str | None, int]] = []  # the collections that an event lies in: anchor, values before
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchored:
                raise _refused(f"*{event.anchor} has no anchor, or stands inside what it stands for", event)
            values += anchored[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            values += 1
            if tag := getattr(event, "tag", None):
                raise _refused(f"tag {tag!r}; a config is plain data", event)
        if isinstance(event, yaml.ScalarEvent):
            if odd := _CONTROL.search(event.value):
                raise _refused(f"control character {odd[0]!r}", event)
            if event.anchor:
                anchored[event.anchor] = 1
        if isinstance(event, yaml.CollectionStartEvent):
            around.append((event.anchor, values - 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = around.pop()
            if anchor:
                anchored[anchor] = values - before
        if len(around) > DEEPEST or values > LARGEST:
            raise _refused(f"more than {DEEPEST} levels or, anchors written out, {LARGEST} values", event)


def read_yaml(path: Path, study: str | None = None) -> dict[str, Any]:
    """Read a YAML mapping; what is not one, or more than plain data of a reasonable size, is refused with the place."""
    try:
        text = path.read_text(encoding="utf-8")
        _weigh(text)
        content = yaml.load(text, Loader=_Loader)
    except FileNotFoundError as error:
        raise ArchipelagoError(f"{path} does not exist", study=study, remedy="Check the spelling.") from error
    except OSError as error:
        raise ArchipelagoError(f"{path} cannot be read ({error.strerror})", study=study, remedy="Mend it.") from error
    except (yaml.YAMLError, ValueError) as error:
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
        words = "-".join(re.sub(r"[^\w.@]+", "_", word) for word in chosen)
        if len(words) > LONGEST:
            words = f"{words[:LONGEST]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"
        return f"other/{self.scale}-{words}"


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
        parts: Spec = {name: spec[name] for name in ("feed", "method", "model") if name in spec}
        if "partition" in spec:
            for name in ("scheme", "clients"):
                if name not in spec["partition"]:
                    raise self.error("is missing", f"{where}.partition.{name}", f"Add base.partition.{name}.")
            parts["partition.scheme"] = spec["partition"]["scheme"]
        for name, component in parts.items():
            for path, inner in _components(name, component):
                if "class_path" not in inner:
                    raise self.error("no class_path", f"{where}.{path}", f"Give {path}.class_path.")
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


def _components(path: str, component: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A component and those among its init arguments, with where they stand."""
    yield path, component
    for name, value in component.get("init_args", {}).items():
        for i, inner in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(inner, dict):
                at = f"{path}.init_args.{name}" + (f"[{i}]" if isinstance(value, list) else "")
                yield from _components(at, inner)


def class_paths(node: Any) -> Iterator[str]:
    """All class paths in a specification or a part of it."""
    if isinstance(node, dict):
        if "class_path" in node:
            yield node["class_path"]
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from class_paths(value)
