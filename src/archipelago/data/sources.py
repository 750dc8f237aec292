"""Where data sets come from: each source turns a card into the arrays of the prepared set.

A source is a function ``(card, parameters, scratch) -> {array name: array}``; it may use the empty folder ``scratch``,
and raises an ``ArchipelagoError`` that says why it cannot serve.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from archipelago.data.cards import Card
from archipelago.data.graphs import Graph
from archipelago.data.idx import parse_idx, read_bytes
from archipelago.data.synthetic import planted_partition
from archipelago.errors import ArchipelagoError
from archipelago.randomness import numpy_stream

Arrays = dict[str, np.ndarray]
Source = Callable[[Card, Mapping[str, Any], Path], Arrays]

IDX_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


def variable(card: Card, what: str) -> str:
    """The environment variable that says where this user has the set, e.g. ``ARCHIPELAGO_FASHION_MNIST_FOLDER``."""
    return f"ARCHIPELAGO_{card.name.upper()}_{what}"


def folder(card: Card, parameters: Mapping[str, Any], scratch: Path) -> Arrays:
    """The source files in a folder of this machine, named by an environment variable."""
    name = variable(card, "FOLDER")
    if name not in os.environ:
        raise ArchipelagoError(f"{name} is not set")
    return images_from_idx(card, Path(os.environ[name]).expanduser())


def debian(card: Card, parameters: Mapping[str, Any], scratch: Path) -> Arrays:
    """The source files in a Debian package, downloaded and unpacked without root.

    Where the machine's package lists are empty or old, lists of our own are fetched into the scratch folder.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ArchipelagoError("this machine has no apt-get or no dpkg-deb")
    package, path = parameters["package"], parameters["path"]
    own_lists = [f"-oDir::State::Lists={scratch}/lists", f"-oDir::Cache={scratch}/cache"]
    try:
        try:
            run(["apt-get", "-q", "download", package], scratch)
        except ArchipelagoError:
            (scratch / "lists/partial").mkdir(parents=True)
            (scratch / "cache/archives/partial").mkdir(parents=True)
            run(["apt-get", "-q", *own_lists, "update"], scratch)
            run(["apt-get", "-q", *own_lists, "download", package], scratch)
    except ArchipelagoError as error:
        raise ArchipelagoError(
            f"apt cannot download {package} ({error.problem})",
            remedy="If the package lists were never fetched: `sudo apt-get update`.",
        ) from error
    (archive,) = scratch.glob(f"{package}_*.deb")
    run(["dpkg-deb", "-x", archive.name, "unpacked"], scratch)
    return images_from_idx(card, scratch / "unpacked" / path)


def upstream(card: Card, parameters: Mapping[str, Any], scratch: Path) -> Arrays:
    """The source files from their authors' server, or from the mirror that an environment variable names.

    The bucket speaks plain HTTP only; the hashes in the card make that safe.
    """
    url = os.environ.get(variable(card, "URL"), parameters["url"]).rstrip("/")
    for name in IDX_FILES.values():
        try:
            with urllib.request.urlopen(f"{url}/{name}.gz", timeout=60) as answer:
                (scratch / f"{name}.gz").write_bytes(answer.read())
        except (OSError, ValueError) as error:
            raise ArchipelagoError(f"cannot download {url}/{name}.gz ({error})") from error
    return images_from_idx(card, scratch)


def scikit_learn(card: Card, parameters: Mapping[str, Any], scratch: Path) -> Arrays:
    """The digits that scikit-learn carries, split by a fixed stream into ``train`` samples and the rest."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = numpy_stream(parameters["seed"], "digits split").permutation(len(bunch.target))
    images, labels = bunch.images[order].astype(np.uint8), bunch.target[order].astype(np.int64)
    train = parameters["train"]
    return {
        "train_images": images[:train],
        "train_labels": labels[:train],
        "test_images": images[train:],
        "test_labels": labels[train:],
    }


def planted(card: Card, parameters: Mapping[str, Any], scratch: Path) -> Arrays:
    """The largest component of a planted-partition graph with the given parameters."""
    graph = planted_partition(**{key: value for key, value in parameters.items() if key != "name"})
    return graph_arrays(graph.largest_component())


def beside_card(card: Card, parameters: Mapping[str, Any], scratch: Path) -> Arrays:
    """The arrays of a ``.npz`` that lies beside the card, for data that cannot be had again."""
    path = card.root / parameters["file"]
    try:
        with np.load(path, allow_pickle=False) as content:
            if odd := [name for name in content.files if not name.isidentifier()]:  # they become names of files
                raise ValueError(f"no array is called {odd[0]!r}")
            return dict(content)
    except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
        raise ArchipelagoError(f"cannot read {path} ({error})", remedy="Restore it from git.") from error


SOURCES: dict[str, Source] = {
    "folder": folder,
    "debian": debian,
    "upstream": upstream,
    "scikit-learn": scikit_learn,
    "planted partition": planted,
    "beside card": beside_card,
}


def images_from_idx(card: Card, folder: Path) -> Arrays:
    """The four arrays of an MNIST-like set, from files whose uncompressed content the card knows by its hash."""
    arrays = {}
    for array, name in IDX_FILES.items():
        content = read_bytes(folder, name)
        if hashlib.sha256(content).hexdigest() != card.originals[name]:
            raise ArchipelagoError(f"{folder / name} is not the file that the card of {card.name} describes (sha256)")
        arrays[array] = parse_idx(content)
    for array in ("train_labels", "test_labels"):
        arrays[array] = arrays[array].astype(np.int64)
    return arrays


def graph_arrays(graph: Graph) -> Arrays:
    """The arrays of a graph as they are stored."""
    names = ("edges", "labels", "label_names", "node_names")
    return {name: getattr(graph, name) for name in names}


def run(command: list[str], cwd: Path) -> None:
    """Run a command; an ``ArchipelagoError`` carries the last line it complained with."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ArchipelagoError(complaint[-1])
