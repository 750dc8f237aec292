"""NetMF: Network Embedding as Matrix Factorization.

Qiu, Dong, Ma, Li, Wang, Tang. WSDM 2018. https://arxiv.org/abs/1710.02971

What DeepWalk factorises implicitly, factorised explicitly: ``log max(1, vol/(b w) (T + ... + T^w) D^-1)`` with window w
and b noise nodes, the sum of powers approximated from leading eigenpairs (algorithm 4). The matrix is dense: small
graphs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import eigsh, svds

from archipelago.data.graphs import Graph
from archipelago.errors import ArchipelagoError
from archipelago.methods.graphs.embedding import NodeEmbedding, degrees, symmetric_transition
from archipelago.randomness import numpy_stream
from archipelago.ranges import Count

MOST_NODES = 12_000
"""The dense matrix of so many nodes takes 1.2 GB."""


class NetMF(NodeEmbedding):
    """One round.

    Args:
        window: number of powers w.
        eigenpairs: number k of leading eigenpairs of ``D^-1/2 A D^-1/2``.
        negatives: noise nodes b.
        common: of every node embedding.
    """

    def __init__(self, window: Count = 10, eigenpairs: Count = 256, negatives: Count = 1, **common: Any) -> None:
        super().__init__(**common)
        self.window, self.eigenpairs, self.negatives = window, eigenpairs, negatives

    def take(self, graph: Graph, rounds: int) -> None:
        """Refuse graphs whose dense matrix would not fit."""
        super().take(graph, rounds)
        if graph.nodes > MOST_NODES:
            raise ArchipelagoError(
                f"NetMF needs a dense matrix of {graph.nodes} x {graph.nodes}",
                key="data",
                remedy="Name a smaller graph.",
            )

    def step(self, k: int) -> None:
        """The whole factorisation: ``U_d S_d^{1/2}``."""
        degree, rng = degrees(self.adjacency), numpy_stream(self.seed, "netmf")
        start = rng.standard_normal(len(degree))
        values, vectors = eigsh(symmetric_transition(self.adjacency), self.eigenpairs, which="LA", v0=start)
        powers = sum(values**r for r in range(1, self.window + 1)) / self.window
        half = vectors / np.sqrt(degree)[:, None]
        matrix = (half * np.maximum(powers, 0)) @ half.T * (degree.sum() / self.negatives)
        np.log(np.maximum(matrix, 1, out=matrix), out=matrix)
        left, singular, _ = svds(matrix, self.dim, v0=start, return_singular_vectors="u")
        self.embedding = torch.from_numpy(left * np.sqrt(singular)).to(self.embedding.dtype)
