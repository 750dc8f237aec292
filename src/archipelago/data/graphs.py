"""An undirected graph with labelled nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class Graph:
    """An undirected graph without loops, weights or multiple edges."""

    name: str
    edges: np.ndarray
    """int64 [m, 2]: every edge once, with u < v, sorted."""
    labels: np.ndarray
    """int64 [n], one class a node; or bool [n, k], a set of labels a node."""
    label_names: np.ndarray
    """str [k]."""
    node_names: np.ndarray
    """ASCII bytes [n]; for the reader, never a feature: names tell labels."""

    @property
    def nodes(self) -> int:
        """The number of nodes, n."""
        return len(self.labels)

    def adjacency(self) -> csr_matrix:
        """The symmetric 0/1 adjacency matrix, float64 [n, n], sparse."""
        from scipy.sparse import csr_matrix

        u, v = self.edges.T
        ones = np.ones(2 * len(self.edges))
        ends = (np.concatenate([u, v]), np.concatenate([v, u]))
        return csr_matrix((ones, ends), shape=(self.nodes, self.nodes))

    def induced(self, keep: np.ndarray) -> Graph:
        """The graph on the nodes ``keep`` (int [k], ascending) and the edges between them; nodes are numbered anew."""
        number = np.full(self.nodes, -1)
        number[keep] = np.arange(len(keep))
        edges = number[self.edges]
        edges = edges[(edges >= 0).all(axis=1)]
        return Graph(self.name, edges, self.labels[keep], self.label_names, self.node_names[keep])

    def largest_component(self) -> Graph:
        """The graph induced by the largest connected component (the one with the lowest node among equals)."""
        from scipy.sparse.csgraph import connected_components

        _, component = connected_components(self.adjacency(), directed=False)
        return self.induced(np.flatnonzero(component == np.bincount(component).argmax()))


def distinct_edges(pairs: np.ndarray) -> np.ndarray:
    """Every undirected edge of ``pairs`` (int [p, 2]) once, u < v, sorted, without loops: int64 [m, 2]."""
    pairs = np.sort(pairs.astype(np.int64), axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
