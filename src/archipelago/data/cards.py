"""Data cards: what a data set is, who made it, where it comes from, and the hash of every prepared file."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from archipelago.errors import ArchipelagoError

CARDS = Path("config/data")
PREPARED = Path("data")


@dataclass(frozen=True)
class Card:
    """The card of one data set, as written in ``config/data/<name>.yaml``."""

    name: str
    title: str
    kind: Literal["images", "graph", "text"]
    description: str
    licence: str
    homepage: str
    size: Mapping[str, Any]
    """Counts for the reader; ``load`` reads ``classes`` of images."""
    split: str
    sources: list[Mapping[str, Any]]
    """Where the set can be had, best first: ``{"name": <a key of sources.SOURCES>, ...its parameters}``."""
    files: Mapping[str, str]
    """sha256 of every prepared file, by name."""
    originals: Mapping[str, str] = field(default_factory=dict)
    """sha256 of every uncompressed source file, by name, where a source hands out files."""
    mean: float = 0.0
    """Mean grey level of the training images."""
    std: float = 1.0
    """Standard deviation of the grey levels of the training images."""
    root: Path = CARDS
    """The folder the card lies in; data that no source can rebuild lies beside it."""

    @property
    def checksum(self) -> str:
        """What determines all that ``load`` gives: the sha256 of the lines ``<file name> <sha256>``, sorted by name.

        For images a line ``standardised <mean> <std> <classes>`` follows, since ``as_float`` depends on it.
        """
        lines = [f"{name} {self.files[name]}\n" for name in sorted(self.files)]
        if self.kind == "images":
            lines.append(f"standardised {self.mean} {self.std} {self.size['classes']}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """Where the prepared set lies, relative to the project."""
        return PREPARED / f"{self.name}-{self.checksum[:12]}"


def known_names(root: Path = CARDS) -> list[str]:
    """The names of all data sets that have a card."""
    return sorted(path.stem for path in root.glob("*.yaml"))


def load_card(name: str, root: Path = CARDS) -> Card:
    """Read a data set's card.

    Raises:
        ArchipelagoError: there is no such card, or it has wrong, missing or unknown keys.
    """
    path = root / f"{name}.yaml"
    names = known_names(root)
    if name not in names:
        guess = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {guess[0]!r}? " if guess else ""
        raise ArchipelagoError(
            f"there is no data set {name!r}",
            key="data",
            remedy=f"{hint}Known: {', '.join(names) or f'none, {root} holds no card'}.",
        )
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ArchipelagoError(f"{path} is not YAML: {error}", key="data", remedy="Correct the card.") from error
    written = set(content) if isinstance(content, dict) else set()
    allowed = {f.name for f in fields(Card)} - {"root"}
    required = {f.name for f in fields(Card) if f.default is MISSING and f.default_factory is MISSING}
    if written and content.get("kind") == "images":
        required |= {"mean", "std"}
    wrong = [f"unknown key {key!r}" for key in sorted(written - allowed)]
    wrong += [f"no {key!r}" for key in sorted(required - written)]
    if not wrong and content["name"] != name:
        wrong.append(f"name is {content['name']!r}")
    if not wrong and content["kind"] not in ("images", "graph", "text"):
        wrong.append(f"kind is {content['kind']!r}, none of 'images', 'graph' and 'text'")
    if wrong:
        raise ArchipelagoError(f"{path}: {'; '.join(wrong)}", key="data", remedy="Correct the card.")
    return Card(**content, root=root)
