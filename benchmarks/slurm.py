"""What a scheduler costs: the tiny study here and through a Slurm of one node, and where the difference goes."""

import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.pipeline.conftest import Project, copy_project
from tests.slurm.cluster import cluster, jobs

GROUPS = {"partitions_partition": ("partition", "partition"), "study_evaluate_plot": ("evaluate", "plot")}
"""The first and the last rule of the jobs that are groups."""
PHASES = {
    "submit": "snakemake has chosen the job -> sbatch has taken it",
    "wait": "in the scheduler's queue",
    "start": "the batch script starts -> the first rule starts (two snakemakes)",
    "work": "the rules themselves",
    "end": "the last rule ends -> the job ends",
    "seen": "the job has ended -> snakemake has asked and knows",
}
STAMP = re.compile(r"\[(\w{3} \w{3} +\d+ [\d:]{8} \d{4})\]")


def run(project: Project, *arguments: str) -> tuple[float, list[tuple[float, str]]]:
    """Run the workflow; return its wall seconds and what it printed, each line with the time at which it was read."""
    started = time.time()
    lines = []
    with subprocess.Popen(
        ["snakemake", *arguments],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            lines.append((time.time(), line.strip()))
    if process.returncode:
        sys.exit("\n".join(line for _, line in lines))
    return time.time() - started, lines


def phases(project: Project, job: dict[str, str], lines: list[tuple[float, str]]) -> dict[str, float]:
    """The seconds that a job spent in each phase; Slurm and snakemake's logs tell times to the second."""
    name = job["Comment"].removeprefix("rule_")
    first, last = GROUPS.get(name, (name, name))
    chosen = next(at for at, line in lines if line == f"rule {first}:")
    known = max(at for at, line in lines if line.startswith("Finished") and line.endswith(f"(Rule: {last})"))
    (log,) = project.root.glob(f"results/logs/slurm/*/{job['JobId']}.log")
    begun, ended = _rules_in(log.read_text())
    submitted, started, finished = (_seconds(job[when]) for when in ("SubmitTime", "StartTime", "EndTime"))
    moments = [chosen, submitted, started, begun, ended, finished, known]
    return {phase: max(0.0, moments[i + 1] - moments[i]) for i, phase in enumerate(PHASES)}


def _rules_in(log: str) -> tuple[float, float]:
    """When the first rule began and the last one ended, as told by the inner snakemake, which ran them."""
    inner = log[log.rindex("SNAKEMAKE\n") :].partition("Elapsed time")[0]
    stamps = [datetime.strptime(stamp, "%a %b %d %H:%M:%S %Y").timestamp() for stamp in STAMP.findall(inner)]
    return stamps[0], stamps[-1]


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def main() -> None:
    """Run the study twice and print both times and the phases of every job."""
    with tempfile.TemporaryDirectory() as scratch:
        local, _ = run(copy_project(Path(scratch) / "local"), "--config", "studies=tiny")
        project = copy_project(Path(scratch) / "slurm")
        with cluster(Path(scratch) / "cluster"):
            arguments = ("--profile", "slurm", "--slurm-keep-successful-logs", "--config", "studies=tiny")
            through, lines = run(project, *arguments)
            rows = {job["Comment"].removeprefix("rule_"): phases(project, job, lines) for job in jobs()}
    print(f"local: {local:.0f} s; through Slurm: {through:.0f} s, {len(rows)} jobs\n")
    width = max(map(len, rows))
    print(f"{'seconds':{width}}", *(f"{phase:>7}" for phase in PHASES), f"{'sum':>7}")
    for name, row in rows.items():
        print(f"{name:{width}}", *(f"{row[phase]:7.0f}" for phase in PHASES), f"{sum(row.values()):7.0f}")
    print()
    for phase, told in PHASES.items():
        print(f"{phase:7} {told}")


if __name__ == "__main__":
    main()
