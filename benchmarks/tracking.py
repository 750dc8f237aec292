"""Eight studies logged at once: into SQLite, into PostgreSQL, and through MLflow's server on PostgreSQL.

Each writer is a process with a checkout of its own that logs a study of two arms and two seeds, seven runs in all.
The programs are those of the tests (`tests/tracking/servers.py`); Debian's package postgresql is installed if need be.
"""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

WRITERS, ROUNDS = 8, 200
POINTS = WRITERS * 6 * 2 * ROUNDS
"""Six of a study's seven runs have curves, of two metrics."""


def main() -> None:
    """Print points a second for each store, and how they compare with SQLite."""
    from archipelago.tracking.store import connect
    from tests.tracking.servers import Postgres, Server
    from tests.tracking.writers import write_at_once

    postgres = Postgres()
    server = None
    with tempfile.TemporaryDirectory() as scratch:
        try:
            postgres.start()
            stores = {"SQLite": f"sqlite:///{scratch}/sqlite/mlflow.db", "PostgreSQL": postgres.create("direct")}
            for uri in stores.values():
                connect(uri, Path(scratch))
            server = Server(postgres.create("served"), Path(scratch) / "artifacts", workers=2)
            server.start()
            stores["server on PostgreSQL"] = server.uri
            rates = {}
            for name, uri in stores.items():
                jobs = [(Path(scratch) / f"{name} {i}", f"study{i}", uri) for i in range(WRITERS)]
                ready: list[float] = []
                write_at_once(jobs, rounds=ROUNDS, meanwhile=lambda ready=ready: ready.append(time.monotonic()))
                rates[name] = POINTS / (time.monotonic() - ready[0])
        finally:
            if server:
                server.kill()
            postgres.remove()
    for name, rate in rates.items():
        print(f"{name:22} {rate:8.0f} points a second  x {rate / rates['SQLite']:.2f}")


if __name__ == "__main__":
    main()
