"""A partition and its file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from archipelago.address.files import write_aside
from archipelago.errors import ArchipelagoError


@dataclass(frozen=True, eq=False)
class Partition:
    """A table sample -> client; where clients are tested on samples of their own, one of test samples, too."""

    client_of: np.ndarray
    """int32 [n]: the client that holds each training sample, -1 where nobody does."""
    clients: int
    test_client_of: np.ndarray | None = None
    """int32 [test samples], likewise."""

    def indices(self, client: int) -> np.ndarray:
        """The samples of a client, ascending: int64 [its size]."""
        return self._by_client[client]

    def sizes(self) -> np.ndarray:
        """The number of samples of each client: int64 [clients]."""
        return np.bincount(self.client_of[self.client_of >= 0], minlength=self.clients)

    @cached_property
    def _by_client(self) -> list[np.ndarray]:
        ends = np.cumsum(self.sizes())
        held = np.argsort(self.client_of, kind="stable")[len(self.client_of) - ends[-1] :]
        return np.split(held, ends[:-1])

    @property
    def checksum(self) -> str:
        """The sha256 of the tables."""
        tables = b"".join(table.astype("<i4").tobytes() for table in self._tables().values())
        return hashlib.sha256(f"{self.clients}\n".encode() + tables).hexdigest()

    def _tables(self) -> dict[str, np.ndarray]:
        tables = {"client_of": self.client_of, "test_client_of": self.test_client_of}
        return {name: table for name, table in tables.items() if table is not None}

    def save(self, path: Path) -> None:
        """Write an uncompressed ``.npz``, whole or not at all; equal partitions give equal bytes on every machine."""
        with write_aside(path) as aside, aside.open("wb") as file:
            # NumPy dates every member 1980; left uncompressed, no version of zlib shows either.
            np.savez(file, allow_pickle=False, clients=np.int64(self.clients), **self._tables())

    @classmethod
    def load(cls, path: Path) -> Partition:
        """Read a partition.

        Raises:
            ArchipelagoError: the file is missing, or does not hold a partition.
        """
        remedy = "Delete it and run `snakemake` again, or `dvc pull`."
        try:
            with np.load(path, allow_pickle=False) as content:
                client_of, clients = content["client_of"], content["clients"]
                test_client_of = content.get("test_client_of")
        except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile) as error:
            raise ArchipelagoError(
                f"cannot read a partition from {path} ({error})", key="partition", remedy=remedy
            ) from error
        sound = clients.dtype == np.int64 and clients.ndim == 0
        for table in (client_of, test_client_of):
            if table is not None:
                sound = sound and table.dtype == np.int32 and table.ndim == 1 and len(table) > 0
                sound = sound and -1 <= table.min() <= table.max() < clients
        if not sound:
            raise ArchipelagoError(
                f"{path} holds no partition: client_of is {client_of.dtype} {list(client_of.shape)}, "
                f"clients is {clients.dtype} {list(clients.shape)}; want int32 [n] of -1 ... clients - 1, and int64",
                key="partition",
                remedy=remedy,
            )
        return cls(client_of, int(clients), test_client_of)
