"""A real Slurm cluster for tests: one node with two GPUs that are none, on loopback, in a folder."""

import fcntl
import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from string import Template

from tests.machine import cannot, free_port, program, root

PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
HERE = Path(__file__).parent
# The inner srun of Snakemake's plugin is run without SLURM_CONF, so the default place must lead to the cluster.
PLACE = Path("/etc/slurm")
CONFIGS = ("slurm.conf", "gres.conf")


def slurm(*command: str) -> str:
    """Run one of Slurm's commands; return what it printed."""
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def jobs() -> list[dict[str, str]]:
    """All jobs the controller remembers, as `scontrol show job` tells of them, oldest first."""
    told = slurm("scontrol", "--oneliner", "show", "job")
    rows = [dict(re.findall(r"(\S+?)=(.*?)\s*(?=\s\S+=|$)", line)) for line in told.splitlines() if "JobId=" in line]
    return sorted(rows, key=lambda job: int(job["JobId"]))


def until(what: str, ready: Callable[[], object], seconds: float) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.2)


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """A cluster that is up, with everything it writes in a folder; one at a time on a machine."""
    for name in CONFIGS:
        if (PLACE / name).exists() and not (PLACE / name).is_symlink():
            cannot(f"{PLACE / name} is of another Slurm")
    root("Slurm's daemons start jobs")
    programs = {name: program(name, *PACKAGES) for name in ("munged", "munge", "slurmctld", "slurmd", "scontrol")}
    with ExitStack() as stack:
        lock = stack.enter_context((Path(tempfile.gettempdir()) / "archipelago-slurm.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes may ask at the same time
        _configure(folder)
        for name in CONFIGS:
            stack.callback((PLACE / name).unlink, missing_ok=True)
            (PLACE / name).unlink(missing_ok=True)  # of a test process that was killed
            (PLACE / name).symlink_to(folder / name)
        socket = str(folder / "munge.sock")
        files = {"key": "key", "pid": "munged.pid", "seed": "seed", "log": "munged.log"}
        munged = [f"--{name}-file={folder / file}" for name, file in files.items()]
        stack.enter_context(
            _daemon(folder, [programs["munged"], "--foreground", "--force", f"--socket={socket}", *munged])
        )
        until("munged", lambda: _works(programs["munge"], "--no-input", "--socket", socket), 30)
        stack.enter_context(_daemon(folder, [programs["slurmctld"], "-D", "-f", str(folder / "slurm.conf")]))
        until("slurmctld", lambda: _works("scontrol", "ping"), 30)
        stack.enter_context(
            _daemon(folder, [programs["slurmd"], "-D", "-N", "localhost", "-f", str(folder / "slurm.conf")])
        )
        until("the node", lambda: slurm("sinfo", "--noheader", "--format=%T").strip() == "idle", 60)
        stack.callback(_cancel_all)
        yield


def _configure(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for name in ("controller", "node"):
        (folder / name).mkdir()
    (folder / "key").write_bytes(secrets.token_bytes(256))
    (folder / "key").chmod(0o400)
    for i in range(2):
        (folder / f"gpu{i}").symlink_to("/dev/null")
    values = {"root": folder, "controller_port": free_port(), "node_port": free_port()}
    for name in CONFIGS:
        (folder / name).write_text(Template((HERE / name).read_text()).substitute(values))


@contextmanager
def _daemon(folder: Path, command: list[str]) -> Iterator[None]:
    """A daemon that ends with the block, or with this process should it be killed."""
    name = Path(command[0]).name
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_"))}
    with (folder / f"{name}.out").open("w") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def _cancel_all() -> None:
    slurm("scancel", "--partition", "main")
    until("the jobs to end", lambda: not slurm("squeue", "--noheader").strip(), 60)
