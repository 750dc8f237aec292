"""node2vec: Scalable Feature Learning for Networks.

Grover, Leskovec. KDD 2016. https://arxiv.org/abs/1607.00653

DeepWalk with walks of second order: p discourages going back, q < 1 goes outwards, q > 1 stays near.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from archipelago.methods.graphs.deepwalk import DeepWalk
from archipelago.methods.graphs.walks import second_order_walks
from archipelago.ranges import Positive


class Node2Vec(DeepWalk):
    """Adds to DeepWalk's arguments ``p`` (return) and ``q`` (in-out)."""

    def __init__(self, p: Positive = 1.0, q: Positive = 1.0, **common: Any) -> None:
        super().__init__(**common)
        self.p, self.q = p, q

    def walk(self, rng: np.random.Generator) -> np.ndarray:
        """All walks: int32 [walks x nodes, length]."""
        return second_order_walks(self.adjacency, self.walks, self.length, self.p, self.q, rng)

    def settings(self) -> dict[str, float]:
        """The tuned q."""
        return {"q": self.q}
