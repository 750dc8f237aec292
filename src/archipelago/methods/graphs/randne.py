"""RandNE: Billion-scale Network Embedding with Iterative Random Projection.

Zhang, Cui, Li, Wang, Zhu. ICDM 2018. https://arxiv.org/abs/1805.02396

``U = a_0 U_0 + a_1 U_1 + ... + a_q U_q`` from an orthogonal Gaussian ``U_0`` and ``U_k = S U_{k-1}``. For
classification its authors iterate the transition matrix, with fixed weights, and scale rows to length 1 (their
published sample run).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from archipelago.methods.graphs.embedding import NodeEmbedding, transition
from archipelago.randomness import numpy_stream
from archipelago.ranges import Real


class RandNE(NodeEmbedding):
    """Round k makes the k-th power.

    Args:
        weights: a_0, ..., a_q, one more than there are rounds.
        common: of every node embedding.
    """

    power: Tensor

    def __init__(self, weights: Sequence[Real] = (1.0, 1e2, 1e4, 1e5), **common: Any) -> None:
        super().__init__(**common)
        self.weights = tuple(weights)

    def allocate(self, nodes: int) -> dict[str, Tensor]:
        """``power`` is U_k, ``embedding`` the weighted sum so far; both [nodes, dim]."""
        return {"power": torch.zeros(nodes, self.dim), **super().allocate(nodes)}

    def prepare(self) -> None:
        """T."""
        self.matrix = transition(self.adjacency).astype(np.float32)

    def step(self, k: int) -> None:
        """``U_k = T U_{k-1}``; the first step also draws U_0."""
        if k == 1:
            gauss = numpy_stream(self.seed, "projection").standard_normal(self.power.shape, dtype=np.float32)
            self.power = torch.linalg.qr(torch.from_numpy(gauss)).Q.contiguous()
            self.embedding = self.weights[0] * self.power
        self.power = torch.from_numpy(self.matrix @ self.power.numpy())
        self.embedding.add_(self.power, alpha=self.weights[k])

    def finish(self) -> Tensor:
        """The weighted sum, with rows of length 1."""
        return normalize(self.embedding, dim=1)
