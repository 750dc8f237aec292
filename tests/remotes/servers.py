"""An SSH server and an S3 store of one's own, on loopback: OpenSSH, and OpenStack Swift with its S3 interface."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.machine import cannot, free_port, program

SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile none
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
"""

SWIFT = """\
[swift-hash]
swift_hash_path_prefix = archipelago
swift_hash_path_suffix = archipelago
"""

PART = """\
[DEFAULT]
swift_dir = {folder}
devices = {devices}
mount_check = false
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = root
"""

STORAGE = """\
[pipeline:main]
pipeline = {part}-server
[app:{part}-server]
use = egg:swift#{part}
"""

PROXY = """\
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# A disk that was full is asked again at once, not after a minute: there is no other.
error_suppression_interval = 0
"""

FILTERS = {
    "catch_errors": "use = egg:swift#catch_errors",
    "gatekeeper": "use = egg:swift#gatekeeper",
    "proxy-logging": "use = egg:swift#proxy_logging",
    "cache": "use = egg:swift#memcache\nmemcache_servers = 127.0.0.1:1",  # none: it goes without
    "listing_formats": "use = egg:swift#listing_formats",
    "bulk": "use = egg:swift#bulk",
    "s3api": "use = egg:swift#s3api\nlocation = us-east-1",
    "tempauth": "use = egg:swift#tempauth\nuser_lab_keeper = keeper's .admin\nuser_lab_guest = guest's",
    "copy": "use = egg:swift#copy",
    "slo": "use = egg:swift#slo",
    "dlo": "use = egg:swift#dlo",
    "versioned_writes": "use = egg:swift#versioned_writes",
}
"""The proxy's pipeline in the order that Swift's manual gives."""


@contextmanager
def running(log: Path, ports: Sequence[int], *commands: Sequence[str]) -> Iterator[None]:
    """Run servers until the block ends; it begins when all listen."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        servers = []
        for command in commands:
            # Killed with this process, even if it dies of a signal.
            server = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            stack.callback(server.wait)
            stack.callback(server.kill)
            servers.append(server)
        deadline = time.monotonic() + 300
        for port in ports:
            while not _listens(port):
                alive = all(server.poll() is None for server in servers)
                assert alive, log.read_text()[-2000:]
                assert time.monotonic() < deadline, f"nobody listens on port {port}"
                time.sleep(0.05)
        yield


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def ssh_server(folder: Path) -> Iterator[int]:
    """The port of an SSH server that lets root in with the key ``folder/key``."""
    sshd = program("sshd", "openssh-server")
    Path("/run/sshd").mkdir(exist_ok=True)  # it insists on this empty folder
    for name in ("host", "key"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(SSHD.format(folder=folder, port=port))
    with running(folder / "sshd.log", [port], [sshd, "-D", "-e", "-f", str(config)]):
        yield port


@contextmanager
def s3_server(folder: Path, devices: Path) -> Iterator[int]:
    """The port of an S3 store that keeps its objects in ``devices``; its users are ``lab:keeper`` and ``lab:guest``."""
    program("swift-proxy-server", "swift-proxy", "swift-account", "swift-container", "swift-object")
    try:
        os.setxattr(devices, "user.archipelago", b"")
    except OSError as error:
        cannot(f"Swift wants extended attributes: {error}")
    (devices / "disk").mkdir()
    (folder / "swift.conf").write_text(SWIFT)
    ports = {part: free_port() for part in ("account", "container", "object", "proxy")}
    for part, port in ports.items():
        text = PART.format(folder=folder, devices=devices, port=port)
        if part == "proxy":
            names = [*FILTERS, "proxy-logging"]
            text += f"[pipeline:main]\npipeline = {' '.join(names)} proxy-server\n"
            text += "".join(f"[filter:{name}]\n{body}\n" for name, body in FILTERS.items())
            text += PROXY
        else:
            text += STORAGE.format(part=part)
            builder = ["swift-ring-builder", str(folder / f"{part}.builder")]
            for words in (["create", "0", "1", "0"], ["add", f"r1z1-127.0.0.1:{port}/disk", "1"], ["rebalance"]):
                subprocess.run([*builder, *words], check=True, stdout=subprocess.DEVNULL)
        (folder / f"{part}.conf").write_text(text)
    commands = [[f"swift-{part}-server", str(folder / f"{part}.conf"), "--verbose"] for part in ports]
    with running(folder / "swift.log", list(ports.values()), *commands):
        yield ports["proxy"]


@contextmanager
def mounted(place: Path, *how: str) -> Iterator[Path]:
    """Mount something at a place, made for it, until the block ends."""
    place.mkdir()
    subprocess.run(["mount", *how, str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
