"""The floor: vectors that know nothing of the graph."""

from __future__ import annotations

from archipelago.methods.graphs.embedding import NodeEmbedding
from archipelago.randomness import torch_stream


class GaussianNoise(NodeEmbedding):
    """One round: independent entries N(0, 1)."""

    def step(self, k: int) -> None:
        """Draw the embedding."""
        self.embedding.normal_(generator=torch_stream(self.seed, "gaussian"))
