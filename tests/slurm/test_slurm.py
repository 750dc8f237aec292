"""The workflow on a real Slurm cluster of one node: undisturbed, requeued, cancelled, warned of its limit, abandoned.

One call of `snakemake --profile slurm` holds all of it: the tiny study is left alone, and each batch of a study with
slower rounds meets a fate of its own. The tests look at what came of it.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from archipelago.studies.plan import Plan
from archipelago.studies.study import read_yaml
from tests.pipeline.conftest import Project, copy_project
from tests.slurm.cluster import cluster, jobs, slurm

pytestmark = pytest.mark.slow

# No checkpoint but on a signal.
COMMAND = ("snakemake", "--config", "checkpoint_seconds=3600")
ON_SLURM = ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "3")
REQUEUED = "train_slow_plain_fedavg"
CANCELLED = "train_slow_plain_fedprox"
WARNED = "train_slow_long_fedavg"
ABANDONED = "train_slow_skewed_fedavg"
SECONDS = 900
PATTERNS = ("runs/*/records.parquet", "evaluations/*/verdicts.json", "evaluations/*/runs.parquet")


@dataclass
class Story:
    """What was seen while snakemake ran on the cluster, and what it left."""

    project: Project
    jobs: list[dict[str, str]] = field(default_factory=list)
    """What the controller tells of each job in the end, oldest first."""
    gpus: dict[str, str] = field(default_factory=dict)
    """The CUDA_VISIBLE_DEVICES of training processes, by rule."""
    saved: dict[str, int] = field(default_factory=dict)
    """The rounds in the checkpoint that a disturbed batch left, by rule."""

    def of(self, rule: str) -> list[dict[str, str]]:
        """The jobs of a rule, oldest first."""
        return [job for job in self.jobs if job["Comment"] == f"rule_{rule}"]

    @cached_property
    def keys(self) -> dict[str, list[str]]:
        """The keys of a batch's runs, by rule."""
        plan = Plan(read_yaml(self.project.root / "config/config.yaml"), self.project.root)
        return {batch.name: [run.key for run in batch.runs] for batch in plan.batches}

    def rounds(self, rule: str) -> list[int]:
        """The rounds that the log of a batch's last attempt counts, from the first one seen."""
        log = self.project.root / f"results/logs/train/{rule}.log"
        return [n for n in map(int, re.findall(r"\| (\d+)/", log.read_text() if log.exists() else "")) if n]

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Let each batch of the slow study meet its fate as soon as it has trained two rounds; note what is seen."""
        fates = {REQUEUED: requeue, CANCELLED: cancel, WARNED: bring_the_limit_near, ABANDONED: kill_snakemake}
        end = time.monotonic() + SECONDS
        while process.poll() is None:
            assert time.monotonic() < end, f"snakemake is not done after {SECONDS} s"
            running = {job["Comment"]: job["JobId"] for job in jobs() if job["JobState"] == "RUNNING"}
            training = trainings(self.project)
            for comment, job in running.items():
                rule = comment.removeprefix("rule_")
                if job in training and "tiny" in rule:
                    self.gpus[rule] = training[job].gpus
                if job in training and rule in fates and len(self.rounds(rule)) > 1:
                    fates.pop(rule)(job, training[job].pid)
            for rule in {REQUEUED, CANCELLED, WARNED} - fates.keys() - self.saved.keys():
                for key in self.keys[rule]:
                    checkpoint = self.project.root / f"results/work/{key}/round.ckpt"
                    if checkpoint.exists():
                        self.saved[rule] = len(torch.load(checkpoint, weights_only=True)["rows"])
            time.sleep(0.5)
        self.jobs = jobs()
        assert not fates, f"these were done before they could be disturbed: {', '.join(fates)}"


@dataclass(frozen=True)
class Training:
    """A process that trains a batch in a job."""

    pid: int
    gpus: str


def trainings(project: Project) -> dict[str, Training]:
    """The training processes of a project on the cluster by the id of their job."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text(errors="replace")
            told = (folder / "environ").read_text(errors="replace")
        except OSError:  # it has ended
            continue
        environment = dict(item.partition("=")[::2] for item in told.split("\0"))
        if f"{project.root}/.snakemake/scripts" in command and ".train.py" in command and "SLURM_JOB_ID" in environment:
            gpus = environment.get("CUDA_VISIBLE_DEVICES", "")
            found[environment["SLURM_JOB_ID"]] = Training(int(folder.name), gpus)
    return found


def requeue(job: str, pid: int) -> None:
    slurm("scontrol", "requeue", job)


def cancel(job: str, pid: int) -> None:
    slurm("scancel", job)


def bring_the_limit_near(job: str, pid: int) -> None:
    """The job has at most two minutes left, so it is due for its warning when the controller next looks at limits."""
    (running,) = (one for one in jobs() if one["JobId"] == job)
    hours, minutes, _ = map(int, running["RunTime"].split(":"))
    slurm("scontrol", "update", f"JobId={job}", f"TimeLimit={60 * hours + minutes + 2}")


def kill_snakemake(job: str, pid: int) -> None:
    """The snakemake in the job dies, and the job will fail for it, while python goes on training."""
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)


def two_studies(target: Path) -> Project:
    """A project with the tiny study, on GPUs, and the slow one."""
    project = copy_project(target)
    shutil.copy(Path(__file__).with_name("slow.yaml"), target / "config/studies/slow.yaml")
    project.edit("config/studies/tiny.yaml", "runtime: 5, gpu: 0", "runtime: 60, gpu: 1")
    config = read_yaml(target / "config/config.yaml")
    (target / "config/config.yaml").write_text(yaml.safe_dump({**config, "flagship": ["tiny", "slow"]}))
    return project


@contextmanager
def started(project: Project, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs in a project, its output in the file `told`; with the block it ends, and all it started."""
    with (project.root / "told").open("w") as told:
        process = subprocess.Popen(
            command, cwd=project.root, env=project.environment, stdout=told, stderr=told, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, subprocess.Popen[bytes]]]:
    """The same runs and tables made on this machine, begun; a study's runs in one process, for that is quicker."""
    project = two_studies(tmp_path_factory.mktemp("local") / "project")
    for study in ("tiny", "slow"):
        project.edit(f"config/studies/{study}.yaml", "resources: {", "resources: {batch: 50, ")
    with started(project, *COMMAND, "--cores", "2", "--until", "evaluate") as process:
        yield project, process


@pytest.fixture(scope="module")
def story(local: tuple[Project, subprocess.Popen[bytes]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The run on the cluster, done."""
    folder = tmp_path_factory.mktemp("slurm")
    story = Story(two_studies(folder / "project"))
    with cluster(folder / "cluster"), started(story.project, *COMMAND, *ON_SLURM) as process:
        try:
            story.watch(process)
        finally:
            for training in trainings(story.project).values():  # those that the cluster does not know of
                os.kill(training.pid, signal.SIGKILL)
            print((story.project.root / "told").read_text()[-4000:])
        assert process.returncode == 0
        assert local[1].wait(SECONDS) == 0, (local[0].root / "told").read_text()[-4000:]
        yield story


def test_the_results_are_those_of_this_machine_bit_for_bit(story: Story, local: tuple[Project, object]):
    there, here = (project.root / "results/store" for project in (story.project, local[0]))
    files = [
        sorted(path.relative_to(store) for pattern in PATTERNS for path in store.glob(pattern))
        for store in (there, here)
    ]
    assert files[0] == files[1]
    assert Counter(path.name for path in files[0]) == {"records.parquet": 14, "verdicts.json": 2, "runs.parquet": 2}
    for name in files[0]:
        if name.name == "runs.parquet":
            tables = [pd.read_parquet(store / name).drop(columns="run_cpu_seconds") for store in (there, here)]
            pd.testing.assert_frame_equal(*tables, check_exact=True)
        else:
            assert (there / name).read_bytes() == (here / name).read_bytes(), name


def test_nothing_is_left_to_be_done(story: Story):
    assert story.project.jobs() == set()
    assert not list((story.project.root / "results/work").iterdir())


def test_a_job_is_a_batch_or_all_partitions_or_a_study_and_light_rules_stay_where_snakemake_is(story: Story):
    assert Counter(job["Comment"] for job in story.jobs) == {
        "rule_partitions_partition": 1,
        "rule_train_tiny_plain_fedavg": 1,
        "rule_train_tiny_plain_fedprox": 1,
        f"rule_{REQUEUED}": 1,  # the job is the same
        f"rule_{CANCELLED}": 2,
        f"rule_{WARNED}": 2,
        f"rule_{ABANDONED}": 2,
        "rule_study_evaluate_plot": 2,
    }


def test_two_jobs_at_once_see_different_gpus(story: Story):
    assert sorted(story.gpus.values()) == ["0", "1"]


def test_a_requeued_job_goes_on_at_its_round(story: Story):
    (job,) = story.of(REQUEUED)
    assert (job["JobState"], job["Restarts"]) == ("COMPLETED", "1")
    assert story.rounds(REQUEUED)[0] >= story.saved[REQUEUED] >= 2


def test_a_cancelled_job_is_submitted_again_and_goes_on_at_its_round(story: Story):
    assert [job["JobState"] for job in story.of(CANCELLED)] == ["CANCELLED", "COMPLETED"]
    assert story.rounds(CANCELLED)[0] >= story.saved[CANCELLED] >= 2


def test_a_job_that_is_warned_of_its_limit_saves_its_round_and_goes_on_there_in_the_next_job(story: Story):
    warned, last = story.of(WARNED)
    assert (warned["JobState"], warned["ExitCode"], last["JobState"]) == ("FAILED", "1:0", "COMPLETED")
    assert story.rounds(WARNED)[0] >= story.saved[WARNED] >= 2


def test_the_warning_does_not_kill_the_snakemake_in_the_job(story: Story):
    (log,) = story.project.root.glob(f"results/logs/slurm/rule_{WARNED}/{story.of(WARNED)[0]['JobId']}.log")
    told = log.read_text()
    assert f"returned non-zero exit status {128 + signal.SIGUSR1}" in told  # it saw python end, and how
    assert "task 0: Exited with exit code 1" in told  # and then ended by itself


def test_what_a_failed_job_left_counts_if_it_is_whole_and_is_not_trained_again(story: Story):
    failed, last = story.of(ABANDONED)
    assert (failed["JobState"], last["JobState"]) == ("FAILED", "COMPLETED")
    assert story.rounds(ABANDONED) == []
