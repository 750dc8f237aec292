"""Log a study's runs, figures and verdicts to MLflow."""

import subprocess
from pathlib import Path

from archipelago.address.files import read_json, write_json
from archipelago.cli import script
from archipelago.studies.evaluate import read_table
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
    table = read_table(view / "runs.parquet")
    diverged = set(table.loc[table["diverged"], "key"])
    runs = [
        TrackedRun(**{**run, "folder": Path(run["folder"]).resolve()}, diverged=run["key"] in diverged)
        for run in study["runs"]
    ]
    marker = Path(snakemake.output[0])
    for old in marker.parent.glob("*.json"):
        if old != marker:
            old.unlink(missing_ok=True)
    summary = track(
        facts,
        runs,
        sorted(view.glob("*.png")),
        snakemake.params.uri,
        Path.cwd(),
        wait=snakemake.params.wait,
        sweep=snakemake.params.sweep,
    )
    write_json(marker, {"experiment": summary.experiment, "runs": len(runs)})
