"""A project of its own for the pipeline's tests: this code, one tiny study, no results."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Project:
    """A checkout in which the workflow can be run."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What its commands see: this code, this environment's programs."""
        return {
            **os.environ,
            "PYTHONPATH": str(self.root / "src"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        }

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a command of the environment here; return all it printed."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        told = done.stdout + done.stderr
        assert (done.returncode == 0) == ok, told[-4000:]
        return told

    def snakemake(self, *arguments: str, ok: bool = True) -> str:
        """Run the workflow."""
        return self.run("snakemake", "--cores", "2", *arguments, ok=ok)

    def jobs(self, *arguments: str) -> set[str]:
        """The rules that a run of the workflow would run now."""
        told = self.snakemake("--dry-run", *arguments)
        if "Nothing to be done" in told:
            return set()
        rows = told.split("Job stats:")[1].split("\n\n")[0].splitlines()[3:]
        return {row.split()[0] for row in rows if row.strip()} - {"all", "total"}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in a file."""
        file = self.root / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))


def copy_project(target: Path) -> Project:
    """Copy what git knows or would know of this project, with the tiny study in place of the real ones."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if name.startswith(("results/", "config/studies/", "tests/", "benchmarks/")) or not source.exists():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target / name, follow_symlinks=False)
    (target / "config/studies").mkdir()
    shutil.copy(ROOT / "tests/pipeline/tiny.yaml", target / "config/studies/tiny.yaml")
    config = target / "config/config.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), "flagship": ["tiny"]}))
    return Project(target)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in which nothing has run."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which the main job has run; tests leave it as they found it."""
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    project.snakemake()
    return project
