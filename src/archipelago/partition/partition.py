"""A partition, its file, and how a run's specification makes one."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from archipelago.address.files import write_aside
from archipelago.errors import ArchipelagoError
from archipelago.partition.schemes import Scheme
from archipelago.randomness import numpy_stream


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


def make_partition(spec: Mapping[str, Any], labels: np.ndarray, seed: int) -> Partition:
    """Make the partition that a run's specification describes.

    Args:
        spec: ``{"scheme": {"class_path": ..., "init_args": {...}}, "clients": int, "samples": int}``; without
            ``samples`` all of the training set is handed out, with it a class-stratified subset of that size.
        labels: int [n], the classes of the training set.
        seed: of the streams "subset" and "partition".

    Raises:
        ArchipelagoError: the specification names no scheme, or asks for what cannot be.
    """
    if not {"scheme", "clients"} <= set(spec) <= {"scheme", "clients", "samples"}:
        raise ArchipelagoError(
            f"the keys are {', '.join(sorted(spec))}",
            key="partition",
            remedy="Give scheme, clients and, if wanted, samples.",
        )
    scheme = make_scheme(spec["scheme"])
    clients, samples = spec["clients"], spec.get("samples", len(labels))
    if not 1 <= clients <= samples <= len(labels):
        raise ArchipelagoError(
            f"{clients} clients, {samples} samples of {len(labels)}",
            key="partition",
            remedy="Ask for at least one client, and a sample for each, but for no more samples than there are.",
        )
    if samples == len(labels):
        subset = np.arange(len(labels))
    else:
        subset = stratified_subset(labels, samples, numpy_stream(seed, "subset"))
    client_of = np.full(len(labels), -1, dtype=np.int32)
    client_of[subset] = scheme.assign(labels[subset], clients, numpy_stream(seed, "partition"))
    return Partition(client_of, clients)


def make_scheme(spec: Mapping[str, Any]) -> Scheme:
    """Import a class path and call it with its init arguments."""
    module, _, name = spec["class_path"].rpartition(".")
    try:
        scheme = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArchipelagoError(
            f"there is no scheme {spec['class_path']!r} ({error})",
            key="partition.scheme.class_path",
            remedy="Name a class, for example archipelago.partition.Dirichlet.",
        ) from error
    try:
        return scheme(**spec.get("init_args", {}))
    except TypeError as error:
        raise ArchipelagoError(
            f"{spec['class_path']} does not take these arguments ({error})",
            key="partition.scheme.init_args",
            remedy="See the class for the arguments it takes.",
        ) from error


def stratified_subset(labels: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """A uniform subset in which every class has its share, rounded by largest remainder (first the lower class).

    Args:
        labels: int [n].
        samples: size of the subset, at most n.
        rng: source of the draw.

    Returns:
        int64 [samples], ascending indices.
    """
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    # In whole numbers: floor(samples * size / n) and the remainders of that division, exactly.
    quotas, remainders = np.divmod(samples * sizes, len(labels))
    extra = np.argsort(-remainders, kind="stable")[: samples - quotas.sum()]
    quotas[extra] += 1
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(by_class[rank < np.repeat(quotas, sizes)])
