"""How a run's specification makes a partition."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from archipelago.errors import ArchipelagoError
from archipelago.partition.partition import Partition
from archipelago.partition.schemes import OwnTestSets, Scheme
from archipelago.randomness import numpy_stream


def make_partition(
    spec: Mapping[str, Any], labels: np.ndarray, seed: int, test_labels: np.ndarray | None = None
) -> Partition:
    """Make the partition that a run's specification describes.

    Args:
        spec: ``{"scheme": {"class_path": ..., "init_args": {...}}, "clients": int, "samples": int}``; without
            ``samples`` all of the training set is handed out, with it a class-stratified subset of that size.
        labels: int [n], the classes of the training set.
        seed: of the streams "subset" and "partition".
        test_labels: int [test samples], for schemes that hand out test samples, too.

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
    if isinstance(scheme, OwnTestSets):
        if "samples" in spec or test_labels is None:
            raise ArchipelagoError(
                "this scheme says itself how many samples a client has, and needs a test set to draw from",
                key="partition.samples",
                remedy="Leave samples out, and name a data set with a test set.",
            )
        tables = scheme.assign_both(labels, test_labels, spec["clients"], numpy_stream(seed, "partition"))
        return Partition(tables[0], spec["clients"], tables[1])
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


def make_scheme(spec: Mapping[str, Any]) -> Scheme | OwnTestSets:
    """Import a class path and call it with its init arguments."""
    module, _, name = spec["class_path"].rpartition(".")
    try:
        scheme = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArchipelagoError(
            f"there is no scheme {spec['class_path']!r} ({error})",
            key="partition.scheme.class_path",
            remedy="Name a class, for example archipelago.partition.schemes.Dirichlet.",
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
