"""Every number that a page shows as measured, with the command that it gives for it."""

import re
import shlex
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

MEASURED = {"verdicts", "results", "cost", "tuning"}
"""The sections of a study's page whose cells are measured; the others tell the setting and the keys."""
VOID = {"meta", "link", "img", "br"}
COMMAND = "archipelago trace "


@dataclass(frozen=True)
class Shown:
    """A number on a page, and the words after ``archipelago trace``; none if the page gives no command for it."""

    text: str
    place: str
    words: tuple[str, ...]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.section = ""
        self.cells: list[tuple[list[tuple[str, dict[str, str | None]]], str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))
        if tag == "h2":
            self.section = dict(attrs).get("id") or ""
        if tag == "td":
            self.cells.append(([*self.open], self.section, ""))

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if any(tag == "td" for tag, _ in self.open) and not any(tag == "code" for tag, _ in self.open):
            around, section, text = self.cells[-1]
            self.cells[-1] = (around, section, text + data)


def numbers(page: Path) -> list[Shown]:
    """The measured numbers of a page, in its order."""
    reader = _Reader()
    reader.feed(page.read_text())
    found = []
    for around, section, text in reader.cells:
        attributes = around[-1][1]
        labelled = "data-label" in attributes or attributes.get("class") == "num" or section == "verdicts"
        # On the scoreboard the other cells are statements; in tables of candidates the first one counts them.
        if not re.search(r"\d", text) or not labelled or section not in {"", *MEASURED}:
            continue
        title = attributes.get("title") or ""
        if section == "tuning" and re.fullmatch(r"\d+", text) and not title:
            continue
        words = tuple(shlex.split(title.removeprefix(COMMAND))) if title.startswith(COMMAND) else ()
        found.append(Shown(text.strip(), f"{page.name}#{section}", words))
    return found
