"""Build the static site from the views of a selection."""

import subprocess
from pathlib import Path

from archipelago.address.files import alone, write_json
from archipelago.cli import script
from archipelago.plotting.site import build_site, read_page
from archipelago.studies.publish import VIEWS

with script(snakemake), alone(VIEWS):
    marker = Path(snakemake.output[0])
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    pages = [read_page(study, Path(view), Path(tuning)) for study, view, tuning in snakemake.params.pages]
    facts = {"command": snakemake.params.command, "commit": head.stdout.strip() or "not in git"}
    for old in marker.parent.glob("built-*.json"):
        if old != marker:
            old.unlink()
    index = build_site(pages, marker.parent, facts)
    write_json(marker, {"index": str(index), "studies": [page.slug for page in pages]})
