"""Real servers to log to: PostgreSQL in a cluster of its own, MLflow on any database."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psycopg2

from tests.machine import free_port, program

PASSWORD = "s3cr3t"


class Postgres:
    """A cluster in a folder of its own, on a port of the loopback interface, with one user and a password."""

    def __init__(self):
        initdb, self.program = program("initdb", "postgresql"), program("postgres", "postgresql")
        self.port = free_port()
        self.process = None
        # Not below pytest's folder, which the user postgres cannot enter.
        self.folder = Path(tempfile.mkdtemp(prefix="archipelago-postgres-"))
        password = self.folder / "password"
        password.write_text(PASSWORD)
        self.user = []
        if os.geteuid() == 0:  # it refuses to run as root
            self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT"]
            shutil.chown(self.folder, "postgres")
            shutil.chown(password, "postgres")
        options = ["--username=tracker", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]
        self._as_user(initdb, f"--pgdata={self.folder / 'data'}", "--no-locale", *options)

    def _as_user(self, *command):
        done = subprocess.run(
            [*self.user, *command], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr

    def start(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [*self.user, self.program, "-D", self.folder / "data", *options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self.answers, self.process)

    def answers(self):
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def kill(self):
        """Let it die with all that it is doing."""
        end(self.process, signal.SIGKILL)

    def remove(self):
        if self.process:
            end(self.process, signal.SIGINT)
        shutil.rmtree(self.folder)

    def uri(self, database, password=PASSWORD):
        return f"postgresql://tracker:{password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database):
        connection = psycopg2.connect(self.uri(database), connect_timeout=5)
        connection.autocommit = True
        return connection

    def create(self, database, template="template1"):
        """Make a database, as a copy of another one that nobody is connected to; return its URI."""
        connection = self.connect("postgres")
        connection.cursor().execute(f"create database {database} template {template}")
        connection.close()
        return self.uri(database)


class Server:
    """`mlflow server` on a database."""

    def __init__(self, database, artifacts, workers=1):
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.database, self.artifacts, self.workers = database, artifacts, workers
        self.process = None

    def start(self, wait=True):
        options = {"--artifacts-destination": self.artifacts, "--host": "127.0.0.1"}
        options |= {"--port": self.port, "--workers": self.workers}
        self.run([sys.executable, "-m", "mlflow", "server", *(str(word) for pair in options.items() for word in pair)])
        if wait:
            self.wait()

    def wait(self):
        until(self.answers, self.process)

    def run(self, command, cwd=None):
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment = {**os.environ, **quiet, "MLFLOW_BACKEND_STORE_URI": self.database}
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def answers(self):
        try:
            urllib.request.urlopen(f"{self.uri}/health", timeout=5).read()
        except OSError:
            return False
        return True

    def send(self, number):
        os.killpg(self.process.pid, number)

    def kill(self):
        if self.process:
            end(self.process, signal.SIGKILL)
            self.process = None


def end(process, number):
    """Send a signal to a process and all it started, and wait for its end."""
    os.killpg(process.pid, number)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def until(answers, process, seconds=300.0):
    """Wait for a server that has been started."""
    start = time.monotonic()
    while not answers():
        assert process.poll() is None, "the server ended"
        assert time.monotonic() - start < seconds, "the server does not answer"
        time.sleep(0.1)
