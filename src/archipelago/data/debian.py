"""Graphs from Debian's package index: nodes are packages, edges are dependencies, labels are sections or debtags.

Run as a script, on a Debian machine whose package lists were fetched::

    python -m archipelago.data.debian OUT_FOLDER

It writes three ``.npz`` into OUT_FOLDER and prints what it measured, for the cards:

- ``debian_language_graph``: packages of 16 sections, mostly languages; one class a node.
- ``debian_debtags_graph``: packages that bear any of the debtags that occur 200 to 4,000 times; many labels a node.
- ``debian_debtags_small``: of 4,000 sampled nodes of the former.

Each is the largest connected component. An edge joins two packages if either names the other in Depends, Pre-Depends,
Recommends or Suggests, in any alternative. The index drifts: a graph built today is another one than that of the card.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from archipelago.address.files import write_aside
from archipelago.data.graphs import Graph, distinct_edges
from archipelago.data.sources import graph_arrays
from archipelago.errors import ArchipelagoError, die
from archipelago.randomness import numpy_stream

RELEASE = "bookworm"
SECTIONS = (
    *("python", "perl", "javascript", "java", "golang", "ruby", "gnu-r", "science"),
    *("php", "sound", "games", "ocaml", "gnome", "lisp", "fonts", "kde"),
)
DEPENDENCIES = ("Depends", "Pre-Depends", "Recommends", "Suggests")
TAG_COUNTS = range(200, 4001)
# Tags that say how a package is handled or, like the sections, in which language it is written; not what it is for.
IGNORED_TAGS = ("suite::", "devel::lang", "special")
SAMPLED_NODES = 4000

Package = dict[str, str]


def read_index() -> str:
    """The text of the package index of the release (its main component, without updates) in this machine's lists."""
    filters = ["Created-By: Packages", "Origin: Debian", f"Codename: {RELEASE}", "Component: main"]
    targets = ["apt-get", "indextargets", "--format", "$(FILENAME)", *filters]
    paths = subprocess.run(targets, check=True, capture_output=True, text=True).stdout.split()
    if len(paths) != 1:
        raise ArchipelagoError(
            f"this machine has {len(paths)} package indices of Debian {RELEASE}, not one",
            remedy="Run `apt-get update` on a machine with that release.",
        )
    command = ["/usr/lib/apt/apt-helper", "cat-file", paths[0]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def parse_index(text: str) -> dict[str, Package]:
    """The packages of an index by name, ascending; a field that spans several lines is joined into one."""
    packages = {}
    for stanza in text.strip().split("\n\n"):
        lines = re.sub(r"\n[ \t]+", " ", stanza).splitlines()
        package = {field: value.strip() for field, _, value in (line.partition(":") for line in lines)}
        packages[package["Package"]] = package
    return dict(sorted(packages.items()))


def dependencies(package: Package) -> Iterator[str]:
    """All package names that the dependency fields mention, in any alternative, without versions."""
    for field in DEPENDENCIES:
        for name in re.split(r"[,|]", package.get(field, "")):
            yield re.split(r"[ (:\[]", name.strip(), maxsplit=1)[0]


def tags(package: Package) -> set[str]:
    """The debtags of a package that may serve as labels."""
    found = (tag.strip() for tag in package.get("Tag", "").split(","))
    return {tag for tag in found if tag and not tag.startswith(IGNORED_TAGS)}


def component(name: str, packages: dict[str, Package], labels: np.ndarray, label_names: Sequence[str]) -> Graph:
    """The largest component of the dependency graph on the given packages."""
    number = {package: i for i, package in enumerate(packages)}
    pairs = [
        (i, number[other])
        for i, package in enumerate(packages.values())
        for other in dependencies(package)
        if other in number
    ]
    node_names = np.array(list(packages), dtype="S")
    edges = distinct_edges(np.array(pairs, dtype=np.int64).reshape(-1, 2))
    return Graph(name, edges, labels, np.array(label_names), node_names).largest_component()


def language_graph(packages: dict[str, Package]) -> Graph:
    """The single-label graph: a package's class is its section."""
    chosen = {name: package for name, package in packages.items() if package.get("Section") in SECTIONS}
    labels = np.array([SECTIONS.index(package["Section"]) for package in chosen.values()], dtype=np.int64)
    return component("debian_language_graph", chosen, labels, SECTIONS)


def debtags_graph(packages: dict[str, Package]) -> Graph:
    """The multi-label graph: a package's labels are its debtags of middling frequency."""
    counts = Counter(tag for package in packages.values() for tag in tags(package))
    names = sorted(tag for tag, count in counts.items() if count in TAG_COUNTS)
    chosen = {name: package for name, package in packages.items() if tags(package) & set(names)}
    labels = np.array([[tag in tags(package) for tag in names] for package in chosen.values()])
    return component("debian_debtags_graph", chosen, labels, names)


def sampled_graph(graph: Graph, nodes: int) -> Graph:
    """The largest component of the graph on a fixed sample of nodes."""
    name = "debian_debtags_small"
    sample = np.sort(numpy_stream(0, name).permutation(graph.nodes)[:nodes])
    return replace(graph.induced(sample).largest_component(), name=name)


def measure(graph: Graph) -> str:
    """Counts for the card."""
    if graph.labels.ndim == 1:
        homophily = (graph.labels[graph.edges[:, 0]] == graph.labels[graph.edges[:, 1]]).mean()
        sizes, detail = np.bincount(graph.labels), f"homophily {homophily:.4f}"
    else:
        sizes, detail = graph.labels.sum(axis=0), f"{graph.labels.sum(axis=1).mean():.4f} labels a node"
    counts = (
        f"{graph.nodes} nodes, {len(graph.edges)} edges, {len(sizes)} labels of {sizes.max()} to {sizes.min()} nodes"
    )
    return f"{counts}, {detail}"


def main() -> None:
    """Build the three graphs from this machine's package lists."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("out", type=Path, help="folder for the three .npz")
    arguments = parser.parse_args()
    try:
        text = read_index()
    except ArchipelagoError as error:
        die(error)
    packages = parse_index(text)
    print(f"{len(packages)} packages, sha256 of the index {hashlib.sha256(text.encode()).hexdigest()}")
    debtags = debtags_graph(packages)
    for graph in (language_graph(packages), debtags, sampled_graph(debtags, SAMPLED_NODES)):
        with write_aside(arguments.out / f"{graph.name}.npz") as aside, aside.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **graph_arrays(graph))
        print(f"{graph.name}: {measure(graph)}")


if __name__ == "__main__":
    main()
