"""LINE: Large-scale Information Network Embedding (second-order proximity).

Tang, Qu, Wang, Zhang, Yan, Mei. WWW 2015. https://arxiv.org/abs/1503.03578

Nodes with the same neighbours get the same vector: for every edge (u, v), v as context is told from noise nodes by the
vector of u.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from archipelago.methods.graphs.embedding import NodeEmbedding, degrees
from archipelago.randomness import torch_stream
from archipelago.ranges import Count, Positive


class Line2(NodeEmbedding):
    """Round k is the k-th epoch over all edges in both directions.

    Args:
        negatives: noise nodes an edge, drawn with probability proportional to degree^0.75.
        lr: first step size; falls linearly to zero over the rounds.
        batch: edges whose gradients are taken at the same vectors and added up.
        common: of every node embedding.
    """

    contexts: Tensor

    def __init__(self, negatives: Count = 5, lr: Positive = 0.025, batch: Count = 256, **common: Any) -> None:
        super().__init__(**common)
        self.negatives, self.lr, self.batch = negatives, lr, batch

    def allocate(self, nodes: int) -> dict[str, Tensor]:
        """Vectors of nodes (uniform, small) and of contexts (zero); both [nodes, dim]."""
        begin = torch.rand(nodes, self.dim, generator=torch_stream(self.seed, "vectors"))
        return {"embedding": (begin - 0.5) / self.dim, "contexts": torch.zeros(nodes, self.dim)}

    def step(self, k: int) -> None:
        """One epoch of stochastic gradient ascent on ``log s(c_v . u) + sum over noise of log s(-c_w . u)``."""
        generator = torch_stream(self.seed, "line", k)
        source, target = (torch.from_numpy(ends).long() for ends in self.adjacency.nonzero())
        noise = torch.from_numpy(degrees(self.adjacency) ** 0.75).cumsum(0)
        order = torch.randperm(len(source), generator=generator)
        batches = order.split(self.batch)
        for i, edges in enumerate(batches):
            progress = (k - 1 + i / len(batches)) / self.rounds
            draws = torch.rand(len(edges), self.negatives, generator=generator, dtype=noise.dtype) * noise[-1]
            self.ascend(
                source[edges],
                torch.cat([target[edges, None], torch.searchsorted(noise, draws)], dim=1),
                self.lr * (1 - progress),
            )

    def ascend(self, source: Tensor, candidates: Tensor, lr: float) -> None:
        """One step for edges: ``source`` int64 [b]; ``candidates`` int64 [b, 1 + negatives], the true target first."""
        vectors, contexts = self.embedding[source], self.contexts[candidates]
        gradient = -torch.bmm(contexts, vectors[:, :, None]).squeeze(2).sigmoid_()
        gradient[:, 0] += 1
        gradient *= lr
        self.embedding.index_add_(0, source, torch.bmm(gradient[:, None, :], contexts).squeeze(1))
        change = gradient[:, :, None] * vectors[:, None, :]
        self.contexts.index_add_(0, candidates.flatten(), change.flatten(0, 1))

    def finish(self) -> Tensor:
        """The vectors of the nodes, of length 1."""
        return normalize(self.embedding, dim=1)
