"""Real programs for tests: schedulers, servers and browsers from the distribution's packages.

They are installed when a test asks for them, if this process may do so (root, with apt-get); where they cannot be
had, the test is skipped with a reason. `.ci/run` sets ARCHIPELAGO_SKIP_NOTHING, which turns such a skip into a failure.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

PLACES = [*os.get_exec_path(), "/usr/sbin", "/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]


def cannot(reason: str) -> None:
    """Skip the test that asks; fail it where nothing may be skipped."""
    if os.environ.get("ARCHIPELAGO_SKIP_NOTHING"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str, *packages: str) -> str:
    """The path of a program, its Debian packages installed if need be."""
    found = _find(name)
    if found is None:
        _install(name, packages)
        found = _find(name)
    if found is None:
        cannot(f"{name} is not in the packages {', '.join(packages)}")
    return str(found)


def _find(name: str) -> str | None:
    places = [*PLACES, *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    return shutil.which(name, path=os.pathsep.join(places))


def _install(name: str, packages: tuple[str, ...]) -> None:
    if not shutil.which("apt-get") or os.geteuid():
        cannot(f"needs {name} (on Debian and Ubuntu, as root: apt-get install {' '.join(packages)})")
    with (Path(tempfile.gettempdir()) / "archipelago-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes may ask at the same time
        if _find(name):
            return
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", "-qq", *command], env=environment, capture_output=True, text=True, timeout=900, check=False
            )
            if done.returncode:
                cannot(f"apt-get {command[0]} failed: {done.stderr.strip()[-300:]}")


def root(why: str) -> None:
    """Go on only as root."""
    if os.geteuid():
        cannot(f"needs root: {why}")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
