"""Random walks on a graph, all of them at once: one array operation a step, no loop over walks."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array


def uniform_walks(adjacency: csr_array, walks: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """``walks`` walks from every node, each step to a uniform neighbour: int32 [walks x nodes, length].

    The graph must have no isolated node.
    """
    paths = start(adjacency, walks, length, rng)
    for i in range(1, length):
        paths[i] = neighbour(adjacency, paths[i - 1], rng)
    return np.ascontiguousarray(paths.T)


def second_order_walks(
    adjacency: csr_array, walks: int, length: int, p: float, q: float, rng: np.random.Generator
) -> np.ndarray:
    """``walks`` biased walks from every node: int32 [walks x nodes, length] (node2vec, section 3.2).

    From v, reached from t, a neighbour x is taken with probability proportional to 1/p if x = t, 1 if x is a neighbour
    of t, 1/q otherwise; drawn by rejection, so that no table over pairs of edges is built.
    """
    nodes = adjacency.shape[0]
    edges = edge_codes(adjacency)
    highest = max(1 / p, 1.0, 1 / q)
    paths = start(adjacency, walks, length, rng)
    paths[1] = neighbour(adjacency, paths[0], rng)
    for i in range(2, length):
        open_walks = np.arange(paths.shape[1])
        while len(open_walks):
            before, here = paths[i - 2, open_walks], paths[i - 1, open_walks]
            there = neighbour(adjacency, here, rng)
            known = contains(edges, before.astype(np.int64) * nodes + there)
            weight = np.where(there == before, 1 / p, np.where(known, 1.0, 1 / q))
            accepted = rng.random(len(there)) * highest < weight
            paths[i, open_walks[accepted]] = there[accepted]
            open_walks = open_walks[~accepted]
    return np.ascontiguousarray(paths.T)


def start(adjacency: csr_array, walks: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Paths, still one step long: int32 [length, walks x nodes]; each pass over the nodes has an order of its own."""
    nodes = adjacency.shape[0]
    paths = np.empty((length, walks * nodes), dtype=np.int32)
    paths[0] = np.concatenate([rng.permutation(nodes) for _ in range(walks)])
    return paths


def neighbour(adjacency: csr_array, here: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A uniform neighbour of each node in ``here``: int32, same shape."""
    first = adjacency.indptr[here]
    degree = adjacency.indptr[here + 1] - first
    return adjacency.indices[first + (rng.random(len(here)) * degree).astype(np.int32)]


def edge_codes(adjacency: csr_array) -> np.ndarray:
    """The edges (u, v), both ways, as sorted numbers u * nodes + v: int64 [2 m]."""
    u = np.repeat(np.arange(adjacency.shape[0]), np.diff(adjacency.indptr))
    return np.sort(u * adjacency.shape[0] + adjacency.indices)


def contains(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Whether each value occurs in the sorted array: bool, shape of ``values``."""
    return ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
