"""The static site: a scoreboard and a page a study. Plain HTML and one style sheet; nothing comes from elsewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from archipelago.address.files import read_json, write_aside
from archipelago.plotting.config import EFFECTS
from archipelago.plotting.scoreboard import ORDER, scoreboard_text, tally
from archipelago.plotting.summary import Summary, summarise
from archipelago.plotting.text import minus, rounded, with_interval
from archipelago.studies.evaluate import read_table

__all__ = ["StudyPage", "build_site", "read_page", "scoreboard_text"]


@dataclass(frozen=True)
class StudyPage:
    """All that a study's page shows.

    ``study`` is its file as read, ``figures`` the SVG files in the order of the page, ``provenance`` what the view's
    ``provenance-<key>.json`` holds, ``tuning`` what ``tuning-<key>.json`` holds if the study tuned anything.
    """

    study: Mapping[str, Any]
    verdicts: Mapping[str, Any]
    figures: Sequence[Path]
    summary: Summary
    provenance: Mapping[str, Any]
    tuning: Mapping[str, Any] | None = None

    @property
    def slug(self) -> str:
        """The study's name."""
        return str(self.study["slug"])

    @property
    def view(self) -> str:
        """What ``archipelago trace`` calls these results."""
        return f"{self.provenance['view']}/{self.slug}"

    @property
    def commits(self) -> list[str]:
        """The commits that its runs were trained at, as far as they tell."""
        return list(dict.fromkeys(run["commit"] for run in self.provenance["runs"] if "commit" in run))

    @cached_property
    def groups(self) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
        """Its runs by condition and arm."""
        found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for run in self.provenance["runs"]:
            found.setdefault((run["condition"], run["arm"]), []).append(run)
        return found

    def runs_of(self, hypothesis: str) -> int:
        """How many runs a hypothesis is made of."""
        made_of = self.summary.made_of[hypothesis]
        return sum(len(self.groups[condition, arm]) for condition, arms in made_of.items() for arm in arms)

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs."""
        return sorted({run["seed"] for run in self.provenance["runs"]})

    @property
    def config(self) -> str:
        """The study's file as YAML."""
        return yaml.safe_dump(dict(self.study), sort_keys=False, allow_unicode=True, width=100)

    @property
    def pictures(self) -> list[dict[str, Any]]:
        """The figures with their titles, captions and what a reader who does not see them is told."""
        shown = []
        for path in self.figures:
            if path.stem == EFFECTS:
                title, caption = "What was claimed, what was measured", "Every part of every hypothesis."
                told = [f"{name} {judged['verdict']}" for name, judged in self.verdicts["hypotheses"].items()]
                alt = f"Effects with intervals against the claims: {', '.join(told)}."
            else:
                config = self.study["figures"][path.stem]
                title, caption = config["title"], config.get("caption", "")
                alt = f"{config['label']} of {', '.join(config.get('arms', self.study['arms']))}"
            width, height = _size(path)
            file = f"figures/{self.slug}/{path.name}"
            shown.append(
                {"file": file, "title": title, "caption": caption, "alt": alt, "width": width, "height": height}
            )
        return shown


def read_page(study: Mapping[str, Any], view: Path, tuning: Path) -> StudyPage:
    """The page of a study from the files of its view, ``results/<view>/<slug>/``, and its tuning, if it is there."""
    names = [EFFECTS, *study.get("figures", {})]
    return StudyPage(
        study=study,
        verdicts=read_json(view / "verdicts.json"),
        figures=[path for name in names if (path := view / f"{name}.svg").exists()],
        summary=summarise(study, read_table(view / "runs.parquet")),
        provenance=read_json(next(view.glob("provenance-*.json"))),
        tuning=read_json(tuning) if tuning.exists() else None,
    )


def build_site(pages: Sequence[StudyPage], folder: Path, facts: Mapping[str, str]) -> Path:
    """Write the site into a folder, in place of an older one. Equal input gives equal bytes.

    Args:
        pages: the studies, in the order of the scoreboard.
        folder: gets ``index.html``, ``style.css``, ``<slug>.html`` and ``figures/<slug>/``; other files in it stay.
        facts: ``command``, which reproduces everything from a clone, and ``commit``, the code's git commit.

    Returns:
        The path of ``index.html``.
    """
    environment = Environment(
        loader=PackageLoader("archipelago.plotting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(settings=settings, number=number, sentence=sentence, web=web, anchor=anchor)
    environment.globals.update(with_interval=_interval, tally=tally, order=ORDER, facts=facts)
    files = {"style.css": environment.get_template("style.css").render()}
    files["index.html"] = environment.get_template("index.html").render(pages=pages)
    for page in pages:
        files[f"{page.slug}.html"] = environment.get_template("study.html").render(page=page, pages=pages)
    for old in folder.glob("*.html"):
        if old.name not in files:
            old.unlink()
    figures = {folder / "figures" / page.slug / figure.name: figure for page in pages for figure in page.figures}
    for old in sorted((folder / "figures").glob("**/*"), reverse=True):
        if not any(shown.is_relative_to(old) for shown in figures):
            old.rmdir() if old.is_dir() else old.unlink()
    for shown, figure in figures.items():
        with write_aside(shown) as part:
            shutil.copyfile(figure, part)
    for name, text in files.items():
        with write_aside(folder / name) as part:
            part.write_text(text + "\n", encoding="utf-8")
    return folder / "index.html"


def settings(content: Any) -> str:
    """Nested settings on one line: ``lr=0.1, scheme=Dirichlet(alpha=0.3)``."""
    if isinstance(content, Mapping) and content.keys() & {"class_path", "init_args"}:
        return f"{str(content.get('class_path', '')).rpartition('.')[2]}({settings(content.get('init_args') or {})})"
    if isinstance(content, Mapping):
        inner = {name: f"{{{settings(v)}}}" if _plain(v) else settings(v) for name, v in content.items()}
        return ", ".join(f"{name}={value}" for name, value in inner.items())
    if isinstance(content, list):
        return f"[{', '.join(map(settings, content))}]"
    return "none" if content is None else f"{content:g}" if isinstance(content, float) else str(content)


def _plain(content: Any) -> bool:
    """Whether it is a mapping that needs braces inside another one."""
    return isinstance(content, Mapping) and not content.keys() & {"class_path", "init_args"}


def sentence(text: str) -> str:
    """A text with a mark at its end."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def number(value: float | None, *others: float | None) -> str:
    """A number for print, or a dash; ``others`` get the same number of decimals and stand after ±."""
    if value is None:
        return "–"
    return minus(" ± ".join(rounded(value, *(other for other in others if other is not None))))


def web(address: str) -> str:
    """An address if it leads to a page of the web, nothing otherwise."""
    return address if re.match(r"https?://", address) else ""


def anchor(name: str) -> str:
    """A name as a part of an address inside a page."""
    return re.sub(r"[^\w-]+", "-", name)


def _size(figure: Path) -> tuple[int, int]:
    """Width and height of an SVG of ours in CSS pixels."""
    found = re.search(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"', figure.read_text(encoding="utf-8"))
    assert found, f"{figure} was not made by this house"
    return round(float(found[1]) * 4 / 3), round(float(found[2]) * 4 / 3)


def _interval(judged: Mapping[str, Any]) -> str:
    return minus(with_interval(judged["effect"], judged["interval"])) if judged["effect"] is not None else "–"
