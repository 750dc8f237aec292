"""Log a study's runs, figures and verdicts to MLflow."""

import subprocess
from pathlib import Path

from archipelago.address.files import read_json, write_json
from archipelago.cli import script
from archipelago.tracking import TrackedRun, track

with script(snakemake):
    study = snakemake.params.study
    view = Path(snakemake.input.marker).parent
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    facts = {
        "slug": study["slug"],
        "title": study["title"],
        "claim": study["claim"],
        "config": Path(study["config"]),
        "commit": head.stdout.strip() or "not in git",
        "verdicts": read_json(view / "verdicts.json"),
        "view": study["view"],
    }
    runs = [TrackedRun(**{**run, "folder": Path(run["folder"])}) for run in study["runs"]]
    summary = track(facts, runs, sorted(view.glob("*.png")), snakemake.params.uri, Path.cwd())
    write_json(Path(snakemake.output[0]), {"experiment": summary.experiment, "runs": len(runs)})
