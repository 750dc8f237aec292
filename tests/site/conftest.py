"""The site of the committed evidence."""

from pathlib import Path

import pytest

from archipelago.plotting.site import build_site, read_page
from archipelago.studies.study import Study

ROOT = Path(__file__).parents[2]
SLUGS = sorted(path.parent.name for path in ROOT.glob("results/desk/*/runs.parquet"))
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
