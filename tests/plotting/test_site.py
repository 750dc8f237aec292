from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from archipelago.plotting.figures import plot
from archipelago.plotting.site import StudyPage, build_site, read_page, settings, web

FACTS = {"command": "./everything", "commit": "abc1234"}
VOID = {"meta", "link", "img", "br"}
FETCHED = {("link", "href"), ("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """Walks a page and notes what it holds; an element that is not closed in order is an error."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, attribute: str) -> list[str]:
        return [attrs.get(attribute) or "" for name, attrs in self.tags if name == tag and attribute in attrs]

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.tags if "id" in attrs]


def view_of(study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any], folder: Path) -> Path:
    """The files of a published view."""
    plot(study, table, verdicts, folder)
    table.to_parquet(folder / "runs.parquet")
    (folder / "verdicts.json").write_text(json.dumps(verdicts))
    made = {"partition": "9a97", "data": "digits", "code": "c0de", "commit": "fedcba9876543210", "dirty": True}
    runs = [{**run, **made} for run in table[["arm", "condition", "seed", "key"]].drop_duplicates().to_dict("records")]
    provenance = {
        "key": "0a1b",
        "view": "desk",
        "scale": "desk",
        "evaluation": "0e0e",
        "figures": "0f0f",
        "data": {"digits": "c0ffee"},
        "runs": runs,
    }
    (folder / "provenance-0a1b.json").write_text(json.dumps(provenance))
    candidates = [
        {"init_args": {"lr": lr}, "scores": {"even": score}, "score": score} for lr, score in ((0.1, 0.8), (1.0, None))
    ]
    search = {"arm": "ours", "conditions": ["even"], "combine": "mean", "candidates": candidates, "chosen": {"lr": 0.1}}
    tuning = {"quantity": "final", "maximise": True, "seeds": [90], "search": [search]}
    (folder / "tuning-0a1b.json").write_text(json.dumps(tuning))
    return folder


@pytest.fixture(scope="module")
def page(
    study: dict[str, Any], table: pd.DataFrame, verdicts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> StudyPage:
    view = view_of(study, table, verdicts, tmp_path_factory.mktemp("view"))
    return read_page(study, view, next(view.glob("tuning-*.json"), view / "none"))


@pytest.fixture(scope="module")
def site(page: StudyPage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site([page], tmp_path_factory.mktemp("site"), FACTS).parent


@pytest.fixture(scope="module", params=["index.html", "tiny.html"])
def walked(site: Path, request: pytest.FixtureRequest) -> Page:
    return Page(site / request.param)


def test_pages_have_the_parts_that_readers_need(walked: Page) -> None:
    tags = [tag for tag, _ in walked.tags]
    for tag in ("title", "header", "nav", "main", "h1", "footer"):
        assert tags.count(tag) == 1, tag
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [attrs for _, attrs in walked.tags]
    assert walked.values("html", "lang") == ["en"]
    assert len(walked.ids) == len(set(walked.ids))
    assert "script" not in tags


def test_links_and_images_resolve(site: Path, walked: Page) -> None:
    for address in walked.values("a", "href") + walked.values("img", "src") + walked.values("link", "href"):
        if address.startswith(("https://", "data:")):
            continue
        name, _, part = address.partition("#")
        assert not name or (site / name).is_file(), address
        if part:
            assert part in (Page(site / name) if name else walked).ids, address
    assert all(alt.strip() for alt in walked.values("img", "alt"))


def test_nothing_is_fetched_from_elsewhere(site: Path, walked: Page) -> None:
    for tag, attribute in FETCHED:
        assert not any(address.startswith(("http", "//")) for address in walked.values(tag, attribute))
    css = (site / "style.css").read_text()
    assert "url(" not in css
    assert "@import" not in css


def test_the_style_serves_phones_the_dark_and_paper(site: Path) -> None:
    css = (site / "style.css").read_text()
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 44rem", ":focus-visible"):
        assert rule in css


def test_what_scrolls_can_be_reached_by_keyboard(walked: Page) -> None:
    scrolled = [attrs for _, attrs in walked.tags if attrs.get("class") in ("wide", "picture")]
    assert all(attrs.get("tabindex") == "0" and attrs.get("aria-label") for attrs in scrolled)


def test_the_scoreboard_shows_every_hypothesis(site: Path) -> None:
    text = Page(site / "index.html").text
    for shown in ("Ours ends above the rival", "0.0800 [0.0800, 0.0800]", "supported", "not run", "./everything"):
        assert shown in text


def test_a_study_shows_its_evidence(site: Path, page: StudyPage) -> None:
    walked = Page(site / "tiny.html")
    for shown in (
        "Ours is better.",
        "A. Author. Venue, 2024.",
        "claimed at least 0.02",  # the reason of a verdict
        "no run has",  # of one that was not run
        "method=Ours(lr=0.1)",
        "batch_size=25",
        "0.703 ± 0.010",  # a result
        "12.0",  # MB sent
        "lr=0.1 chosen",
        "2026-01-01: fewer rounds.",
        "c0ffee",
        "abc1234",
        "ours-even-1",
        "9a97",
        "c0de",
        "fedcba9876543210",
        "fedcba987654*",  # a run trained with sources that differed from the commit
        "Made of 9 runs",
        "archipelago trace desk/tiny H1",
    ):
        assert shown in walked.text, shown
    assert len(walked.values("img", "src")) == len(page.figures) == 1 + len(page.study["figures"])


def test_hostile_text_stays_text(page: StudyPage, tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    study = {
        **page.study,
        "title": evil,
        "claim": evil,
        "notes": [evil],
        "paper": {**page.study["paper"], "authors": evil, "url": "javascript:alert(1)"},
        "arms": {**page.study["arms"], "rival": {"title": evil, "method": {"init_args": {evil: evil}}}},
        "figures": {
            **page.study["figures"],
            "course": {**page.study["figures"]["course"], "title": evil, "label": evil},
        },
    }
    verdicts = {"hypotheses": {"H1": {**page.verdicts["hypotheses"]["H1"], "statement": evil, "reason": evil}}}
    hostile = StudyPage(study, verdicts, page.figures, page.summary, page.provenance, page.tuning)
    build_site([hostile], tmp_path, {"command": evil, "commit": evil})
    for name in ("index.html", "tiny.html"):
        walked = Page(tmp_path / name)
        assert "script" not in [tag for tag, _ in walked.tags]
        assert not any(address.startswith("javascript") for address in walked.values("a", "href"))
        assert evil in walked.text


def test_a_site_made_twice_has_equal_bytes_and_replaces_an_older_one(
    page: StudyPage, site: Path, tmp_path: Path
) -> None:
    shutil.copytree(site, tmp_path, dirs_exist_ok=True)
    (tmp_path / "forgotten.html").touch()
    (tmp_path / "figures" / "forgotten").mkdir()
    (tmp_path / "built").mkdir()
    build_site([page], tmp_path, FACTS)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert not (tmp_path / "figures" / "forgotten").exists()
    assert (tmp_path / "built").exists()


def test_a_study_that_tuned_nothing_and_has_no_figures_has_a_page(page: StudyPage, tmp_path: Path) -> None:
    study = {**page.study, "notes": []}
    build_site([StudyPage(study, page.verdicts, [], page.summary, page.provenance)], tmp_path, FACTS)
    text = Page(tmp_path / "tiny.html").text
    assert "Nothing was tuned" in text
    assert "None noted." in text


def test_settings_are_written_as_calls() -> None:
    scheme = {"class_path": "a.Dirichlet", "init_args": {"alpha": 0.30}}
    content = {
        "partition": {"scheme": scheme, "clients": 20},
        "method": {"init_args": {"lr": 1e-3, "tuned": [1, None]}},
    }
    assert (
        settings(content) == "partition={scheme=Dirichlet(alpha=0.3), clients=20}, method=(lr=0.001, tuned=[1, none])"
    )


@pytest.mark.parametrize("address", ["javascript:alert(1)", " https://x", "data:text/html,x", "ftp://x"])
def test_only_pages_of_the_web_are_linked(address: str) -> None:
    assert web(address) == ""
