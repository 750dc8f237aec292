"""FastRP: Fast and Accurate Network Embeddings via Very Sparse Random Projection.

Chen, Sultan, Tian, Chen, Skiena. CIKM 2019. https://arxiv.org/abs/1908.11512

The similarity ``N = (a_1 T + ... + a_q T^q) L`` of a graph, with ``T = D^-1 A`` and ``L = diag((d_j / 2m)^beta)``, is
projected by a very sparse random matrix R [n, d] and never formed: ``U_1 = T (L R)``, ``U_k = T U_{k-1}``, and the
embedding is ``sum_k a_k U_k`` (of U_k with rows of length 1, if rows are normalised), with standardised columns.

In parallel: a worker that holds some columns of R computes the same columns of every U_k, with no word from others.
Row normalisation needs the whole row's length: the workers sum n squared norms once a power (``add_power``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import LinearOperator, svds
from torch import Tensor

from archipelago.data.graphs import Graph
from archipelago.errors import ArchipelagoError
from archipelago.methods.graphs.embedding import NodeEmbedding, degrees, standardise, transition
from archipelago.randomness import numpy_stream
from archipelago.ranges import Real


def very_sparse(nodes: int, dim: int, rng: np.random.Generator) -> csr_array:
    """R [nodes, dim] with independent entries ``+-sqrt(s / dim)``, each sign with probability 1/(2s), s = sqrt(nodes).

    So that E[R R^T] = I. Its number of non-zeros is drawn first, their places then.
    """
    s = np.sqrt(nodes)
    count = rng.binomial(nodes * dim, 1 / s)
    places = rng.choice(nodes * dim, count, replace=False, shuffle=False)
    signs = rng.choice((-1.0, 1.0), count)
    return csr_array((signs * np.sqrt(s / dim), np.divmod(places, dim)), shape=(nodes, dim))


def degree_weights(adjacency: csr_array, beta: float) -> np.ndarray:
    """The diagonal of L: ``(d_j / 2m)^beta``, float64 [nodes]."""
    degree = degrees(adjacency)
    return (degree / degree.sum()) ** beta


def add_power(total: Tensor, power: Tensor, weight: float, squared_norms: Tensor | None) -> None:
    """``total += weight * power``, its rows divided by their lengths where ``squared_norms`` [nodes] is given.

    A worker with some of the columns passes the sum of all workers' squared norms, 8 n bytes from each.
    """
    if squared_norms is None:
        total.add_(power, alpha=weight)
    else:
        scale = torch.where(squared_norms > 0, weight / squared_norms.sqrt(), 0.0)
        total.addcmul_(power, scale[:, None])


class FastRP(NodeEmbedding):
    """Round k makes the k-th power; q is the number of rounds.

    Args:
        alphas: weights of the powers before the last one.
        alpha4: weight of the last power (the fourth in the paper).
        beta: exponent of the degrees, in [-1, 0].
        normalise_rows: whether each power enters with rows of length 1.
        common: of every node embedding.
    """

    power: Tensor
    total: Tensor

    def __init__(
        self,
        alphas: Sequence[Real] = (0.0, 0.0, 1.0),
        alpha4: Real = 1.0,
        beta: Real = 0.0,
        normalise_rows: bool = True,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.weights = (*alphas, alpha4)
        self.alpha4, self.beta, self.normalise_rows = alpha4, beta, normalise_rows

    def take(self, graph: Graph, rounds: int) -> None:
        """Get ready to embed a graph by ``rounds`` powers."""
        super().take(graph, rounds)
        if rounds > len(self.weights):
            raise ArchipelagoError(
                f"{rounds} powers have {len(self.weights)} weights",
                key="rounds",
                remedy="Give the method's alphas a weight for each round but the last.",
            )

    def allocate(self, nodes: int) -> dict[str, Tensor]:
        """``power`` is U_k, ``total`` the weighted sum so far; both [nodes, dim]."""
        return {"power": self.zeros(nodes), "total": self.zeros(nodes)}

    def propagator(self) -> csr_array:
        """The matrix whose powers make the similarity: T."""
        return transition(self.adjacency)

    def projection(self, rng: np.random.Generator) -> csr_array | np.ndarray:
        """R [nodes, dim]."""
        return very_sparse(self.adjacency.shape[0], self.dim, rng).astype(self.matrix.dtype)

    def prepare(self) -> None:
        """The propagator in the precision of the embedding."""
        self.matrix = self.propagator().astype(self.total.numpy().dtype)

    def first_order(self) -> csr_array:
        """T L."""
        weights = degree_weights(self.adjacency, self.beta).astype(self.matrix.dtype)
        data = self.matrix.data * weights[self.matrix.indices]
        return csr_array((data, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)

    def step(self, k: int) -> None:
        """``U_1 = T (L R)``, ``U_k = T U_{k-1}``, and the weighted sum."""
        if k == 1:
            first = self.first_order() @ self.projection(numpy_stream(self.seed, "projection"))
            self.power = torch.from_numpy(first.toarray() if issparse(first) else first)
        else:
            self.power = torch.from_numpy(self.matrix @ self.power.numpy())
        weight = self.weights[k - 1]
        if weight:
            squared_norms = torch.linalg.vector_norm(self.power, dim=1).square_() if self.normalise_rows else None
            add_power(self.total, self.power, weight, squared_norms)

    def finish(self) -> Tensor:
        """The weighted sum with standardised columns."""
        return standardise(self.total)

    def settings(self) -> dict[str, float]:
        """The tuned alpha_4 and beta."""
        return {"alpha4": self.alpha4, "beta": self.beta}


class FastRPGauss(FastRP):
    """The same similarity, another reduction: R is a dense Gaussian matrix."""

    def projection(self, rng: np.random.Generator) -> np.ndarray:
        """R [nodes, dim] with independent entries N(0, 1/dim)."""
        entries = rng.standard_normal((self.adjacency.shape[0], self.dim), dtype=self.matrix.dtype)
        return entries / np.sqrt(self.dim, dtype=self.matrix.dtype)


class FastRPAdjacency(FastRP):
    """Another similarity: powers of A, so that a step is not divided by the degree."""

    def propagator(self) -> csr_array:
        """A."""
        return self.adjacency


class FastRPSVD(FastRP):
    """The same similarity, reduced by its best approximation of rank d: ``U_d S_d^{1/2}`` of the truncated SVD of N.

    One round; the number of powers is that of the weights. Rows are not normalised: N enters only through its products.
    """

    def allocate(self, nodes: int) -> dict[str, Tensor]:
        """``total`` [nodes, dim] is the embedding."""
        return {"total": self.zeros(nodes)}

    def similarity(self) -> LinearOperator:
        """N = (sum_k a_k T^k) L [nodes, nodes] by Horner's rule."""
        scale = degree_weights(self.adjacency, self.beta)
        forward = self.propagator()
        backward = forward.T.tocsr()

        def horner(matrix: csr_array, x: np.ndarray) -> np.ndarray:
            y = np.zeros_like(x)
            for weight in reversed(self.weights):
                y = matrix @ (y + weight * x)
            return y

        return LinearOperator(
            self.adjacency.shape,
            matvec=lambda x: horner(forward, scale * x.ravel()),
            rmatvec=lambda x: scale * horner(backward, x.ravel()),
            dtype=np.float64,
        )

    def step(self, k: int) -> None:
        """The whole SVD, by implicitly restarted Lanczos iterations."""
        start = numpy_stream(self.seed, "svd").standard_normal(self.adjacency.shape[0])
        left, values, _ = svds(self.similarity(), self.dim, v0=start, tol=1e-6, return_singular_vectors="u")
        self.total = torch.from_numpy(left * np.sqrt(values)).to(self.total.dtype)
