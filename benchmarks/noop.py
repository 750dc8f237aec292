"""How long snakemake takes to find nothing to be done: 81 studies, 3,240 runs, every artifact in place (empty)."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from archipelago.studies.plan import Plan
from archipelago.studies.study import read_yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.pipeline.conftest import ROOT, copy_project


def make(root: Path, studies: int) -> Plan:
    """A project with so many studies of 40 runs each, and all that they ask for."""
    project = copy_project(root)
    tiny = yaml.safe_load((root / "config/studies/tiny.yaml").read_text())
    (root / "config/studies/tiny.yaml").unlink()
    for i in range(studies):
        study = {**tiny, "slug": f"study_{i}", "base": {**tiny["base"], "rounds": 6 * (i + 1)}}
        study["scales"]["desk"]["blocks"][0]["seeds"] = list(range(10))
        (root / f"config/studies/study_{i}.yaml").write_text(yaml.safe_dump(study))
    os.chdir(project.root)
    config = {**read_yaml(Path("config/config.yaml")), "studies": "all", "flagship": ["study_0"]}
    Path("config/config.yaml").write_text(yaml.safe_dump(config))
    plan = Plan(config)
    files = [run.records for run in plan.runs.values()] + [order.path for order in plan.partitions.values()]
    files += [card.folder / "SHA256SUMS" for card in plan.cards] + [plan.site]
    for one in plan.studies:
        files += [one.evaluation.folder / name for name in ("runs.parquet", "verdicts.json")]
        files += [one.figures.folder / name for name in ("index.json", "effects.svg")]
        files += [one.marker, one.tracked(plan.tracking_uri)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return plan


def main() -> None:
    """Make the project, run snakemake three times, print the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=81)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        plan = make(Path(scratch) / "project", arguments.studies)
        environment = {**os.environ, "PYTHONPATH": f"{scratch}/project/src"}
        command = [str(Path(sys.executable).parent / "snakemake")]
        subprocess.run(
            [*command, "--dry-run"], env=environment, capture_output=True, check=True
        )  # checks the arms, once
        times = []
        for _ in range(3):
            start = time.perf_counter()
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            times.append(time.perf_counter() - start)
            assert "Nothing to be done" in done.stdout + done.stderr
        size = f"{len(plan.runs)} runs in {len(plan.batches)} batches"
        print(f"{size}: nothing to be done, found in {sorted(times)[1]:.1f} s")
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
