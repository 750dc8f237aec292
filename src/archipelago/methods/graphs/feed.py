"""The feed of a graph: every round sees the whole graph; nodes are classified from random splits of their labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from archipelago.data.graphs import Graph
from archipelago.population.rounds import Rounds
from archipelago.randomness import numpy_stream
from archipelago.ranges import Share, Whole


class Split(NamedTuple):
    """A share ``labels`` of the nodes to learn from, the others to be tested on (node ids, int64)."""

    shuffle: int
    labels: float
    train: Tensor
    test: Tensor


class LabelSplits:
    """Random splits of a graph's nodes, each determined by (seed, shuffle) and nested over the label fractions."""

    def __init__(self, graph: Graph, fractions: Sequence[float], shuffles: int, seed: int) -> None:
        self.graph, self.fractions, self.shuffles, self.seed = graph, tuple(fractions), shuffles, seed

    def __iter__(self) -> Iterator[Split]:
        """The splits that are reported: every shuffle at every fraction."""
        for shuffle in range(1, self.shuffles + 1):
            for fraction in self.fractions:
                yield self._split(self.seed, shuffle, fraction)

    def tuning(self) -> Split:
        """The split on which heads are tuned, at the lowest fraction: of seed 0 and shuffle 0, so none of the above."""
        return self._split(0, 0, min(self.fractions))

    def _split(self, seed: int, shuffle: int, fraction: float) -> Split:
        order = torch.from_numpy(numpy_stream(seed, "label-shuffle", shuffle).permutation(self.graph.nodes))
        known = math.ceil(fraction * self.graph.nodes)
        return Split(shuffle, fraction, order[:known], order[known:])


class GraphFeed(pl.LightningDataModule):
    """``rounds`` times the graph to embed it, then its label splits to evaluate the embedding.

    ``fractions`` are the shares of labelled nodes, ``shuffles`` the number of random splits of each.
    """

    def __init__(
        self,
        data: Graph,
        rounds: int,
        seed: int,
        fractions: Sequence[Share],
        shuffles: Whole = 5,
        partition: None = None,
    ) -> None:
        super().__init__()
        self.data, self.rounds = data, rounds
        self.splits = LabelSplits(data, fractions, shuffles, seed)

    def train_dataloader(self) -> Rounds:
        """The graph, once a round."""
        return Rounds(self.rounds, lambda _: self.data)

    def val_dataloader(self) -> DataLoader[LabelSplits]:
        """One item: all label splits."""
        return DataLoader([self.splits], batch_size=None)  # type: ignore[arg-type]

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """The graph stays where it is: sparse products run on the CPU."""
        return batch
