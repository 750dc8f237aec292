"""Laplacian eigenmaps: the classical spectral embedding.

Belkin, Niyogi. Laplacian Eigenmaps for Dimensionality Reduction and Data Representation. Neural Computation 2003.
https://doi.org/10.1162/089976603321780317
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse.linalg import eigsh

from archipelago.methods.graphs.embedding import NodeEmbedding, degrees, symmetric_transition
from archipelago.randomness import numpy_stream


class LaplacianEigenmaps(NodeEmbedding):
    """One round: the d smallest non-trivial eigenvectors of ``I - D^-1/2 A D^-1/2``, times ``D^-1/2``."""

    def step(self, k: int) -> None:
        """The largest of ``D^-1/2 A D^-1/2`` are the smallest of the Laplacian; the very largest is constant."""
        degree = degrees(self.adjacency)
        start = numpy_stream(self.seed, "spectral").standard_normal(len(degree))
        values, vectors = eigsh(symmetric_transition(self.adjacency), self.dim + 1, which="LA", v0=start, tol=1e-4)
        order = np.argsort(-values)[1:]
        self.embedding = torch.from_numpy(vectors[:, order] / np.sqrt(degree)[:, None]).to(self.embedding.dtype)
