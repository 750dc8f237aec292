"""The site of the committed evidence, and a real browser to walk it in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from archipelago.plotting.site import build_site, read_page
from archipelago.studies.study import Study
from tests.machine import program

ROOT = Path(__file__).parents[2]
SLUGS = sorted(path.parent.name for path in ROOT.glob("results/desk/*/runs.parquet"))
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""For a browser that runs as root, without a graphics card, and asks nobody for anything by itself."""


def desk_site(folder: Path) -> Path:
    """Build the site of all that is committed in ``results/desk``; return its folder."""
    pages = []
    for slug in SLUGS:
        view = ROOT / "results/desk" / slug
        study = Study(ROOT / "config/studies" / f"{slug}.yaml").content
        pages.append(read_page(study, view, next(view.glob("tuning-*.json"))))
    facts = {"command": "snakemake --config studies=all", "commit": "0123456789abcdef0123456789abcdef01234567"}
    return build_site(pages, folder, facts).parent


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    return desk_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=QUIET)
        yield chromium
        chromium.close()
