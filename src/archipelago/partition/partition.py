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
    """A table sample -> client."""

    client_of: np.ndarray
    """int32 [n]: the client that holds each training sample, -1 where nobody does."""
    clients: int

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
        """The sha256 of the table."""
        return hashlib.sha256(f"{self.clients}\n".encode() + self.client_of.astype("<i4").tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write an uncompressed ``.npz``, whole or not at all; equal partitions give equal bytes on every machine."""
        with write_aside(path) as aside, aside.open("wb") as file:
            # NumPy dates every member 1980; left uncompressed, no version of zlib shows either.
            np.savez(file, client_of=self.client_of, clients=np.int64(self.clients))

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
        except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile) as error:
            raise ArchipelagoError(
                f"cannot read a partition from {path} ({error})", key="partition", remedy=remedy
            ) from error
        sound = client_of.dtype == np.int32 and client_of.ndim == 1 and clients.dtype == np.int64 and clients.ndim == 0
        if not sound or len(client_of) == 0 or not -1 <= client_of.min() <= client_of.max() < clients:
            raise ArchipelagoError(
                f"{path} holds no partition: client_of is {client_of.dtype} {list(client_of.shape)}, "
                f"clients is {clients.dtype} {list(clients.shape)}; want int32 [n] of -1 ... clients - 1, and int64",
                key="partition",
                remedy=remedy,
            )
        return cls(client_of, int(clients))
