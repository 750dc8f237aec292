"""Strict reading of a study's file: every value knows where it stands, so that a mistake is answered with its place."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NoReturn

from archipelago.errors import ArchipelagoError


@dataclass(frozen=True)
class Field:
    """A value inside the file of ``study``, with the path of keys that leads to it."""

    study: str
    key: str
    value: Any

    @property
    def shown(self) -> str:
        """The value as a message shows it."""
        text = repr(self.value)
        return text if len(text) <= 80 else f"{text[:77]}..."

    def fail(
        self, problem: str, remedy: str = "See docs/verdicts.md or docs/figures.md for what it may be."
    ) -> NoReturn:
        """Raise an ``ArchipelagoError`` that names the study and this key."""
        raise ArchipelagoError(problem, study=self.study, key=self.key, remedy=remedy)

    def is_a(self, kind: type) -> bool:
        """Whether the value is of this kind."""
        return isinstance(self.value, kind)

    def mapping(self, allowed: Collection[str] | None = None, required: Collection[str] = ()) -> dict[str, Field]:
        """The entries of a mapping with all ``required`` keys and none but the ``allowed`` ones (None: any)."""
        if not isinstance(self.value, dict):
            self.fail(f"expected a mapping, found {self.shown}")
        for name in self.value:
            if not isinstance(name, str) or (allowed is not None and name not in allowed):
                self.fail(f"unknown key {name!r}", _remedy(str(name), allowed or ()))
        if missing := [name for name in required if name not in self.value]:
            self.fail(f"{' and '.join(missing)} missing", f"Add `{missing[0]}:`.")
        return {name: Field(self.study, f"{self.key}.{name}", value) for name, value in self.value.items()}

    def items(self, at_least: int = 1) -> list[Field]:
        """The entries of a list that has no fewer than ``at_least``."""
        if not isinstance(self.value, list) or len(self.value) < at_least:
            self.fail(f"expected a list of at least {at_least}, found {self.shown}")
        return [Field(self.study, f"{self.key}[{i}]", value) for i, value in enumerate(self.value)]

    def name(self, known: Collection[str] | None, what: str) -> str:
        """A string that is one of the ``known`` (None: any), which are ``what``."""
        if not isinstance(self.value, str):
            self.fail(f"expected the name of {what}, found {self.shown}")
        if known is not None and self.value not in known:
            self.fail(f"no {what} is called {self.shown}", _remedy(self.value, known))
        return self.value

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            self.fail(f"expected a number, found {self.shown}")
        return float(self.value)

    def integer(self, at_least: int) -> int:
        """An integer not below ``at_least``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < at_least:
            self.fail(f"expected an integer of at least {at_least}, found {self.shown}")
        return self.value


def _remedy(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(sorted(known)) or 'none'}."
