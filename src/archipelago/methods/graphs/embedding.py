"""What all node embeddings have in common: steps that are timed, then the same evaluation for everyone."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from archipelago.data.graphs import Graph
from archipelago.errors import ArchipelagoError
from archipelago.methods.graphs.feed import GraphFeed, LabelSplits
from archipelago.methods.graphs.scores import classify, indicator, neighbour_purity
from archipelago.population.rounds import RoundModule
from archipelago.ranges import Count

PENALTIES = (0.01, 0.1, 1.0)
"""Candidates for C, the inverse strength of the L2 penalty of the heads."""

CLOCKS = ("cpu_seconds", "wall_seconds", "peak_rss_mb")


class NodeEmbedding(RoundModule):
    """A method that embeds the nodes of a graph.

    A subclass says what its state is (``allocate``), what one step does to it (``step``) and, where the embedding is
    not the state itself, how it is read off (``finish``). All of that is timed on the clock of the process, from the
    adjacency matrix in memory to the embedding; the evaluation is not.

    Args:
        dim: number of dimensions d.
        repeats: how often the embedding is made. All but the first are made for their times alone.
        seed: of every draw.
    """

    stages: tuple[str, ...] = ()
    """Names of parts of the work whose CPU-seconds are recorded apart."""

    embedding: Tensor
    cpu_seconds: Tensor
    wall_seconds: Tensor
    peak_rss_mb: Tensor

    def __init__(self, dim: Count = 128, repeats: Count = 1, *, seed: int) -> None:
        super().__init__(seed)
        self.dim, self.repeats = dim, repeats

    def setup(self, stage: str) -> None:
        """Take the graph from the feed and lay out the state, so that a checkpoint finds its place."""
        feed: GraphFeed = self.trainer.datamodule  # type: ignore[attr-defined]
        self.take(feed.data, feed.rounds)

    def take(self, graph: Graph, rounds: int) -> None:
        """Get ready to embed a graph in so many steps."""
        self.rounds = rounds
        self.adjacency = csr_array(graph.adjacency())
        if (degrees(self.adjacency) == 0).any():
            raise ArchipelagoError(
                f"graph {graph.name!r} has isolated nodes, which no walk leaves",
                key="data",
                remedy="Name a connected graph, e.g. a largest component.",
            )
        self.begin()

    def on_fit_start(self) -> None:
        """Stay on the CPU, where the sparse products run."""
        self.cpu()

    def begin(self) -> None:
        """Lay out the state of a run that has done nothing yet."""
        self.prepared = False
        for name, value in self.allocate(self.adjacency.shape[0]).items():
            self.register_buffer(name, value)
        for name in (*CLOCKS, *self.stages):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))

    def allocate(self, nodes: int) -> dict[str, Tensor]:
        """The state that outlives a step, by name."""
        return {"embedding": self.zeros(nodes)}

    def zeros(self, nodes: int) -> Tensor:
        """Zeros [nodes, dim] in the module's precision; ``.double()`` before ``take`` makes it float64."""
        return torch.zeros(nodes, self.dim, dtype=self.dtype)  # type: ignore[arg-type]  # never the str it admits

    def prepare(self) -> None:
        """What a process makes of ``self.adjacency`` before its first step: a function of it and the seed, no state."""

    @abstractmethod
    def step(self, k: int) -> None:
        """Step k (from 1) on the state, from ``self.adjacency`` [nodes, nodes]."""

    def finish(self) -> Tensor:
        """The embedding [nodes, dim] that the state stands for."""
        return self.embedding

    def settings(self) -> dict[str, float]:
        """Tuned values that the table shall name."""
        return {}

    def training_step(self, graph: Graph, i: int) -> None:
        """One timed step."""
        self.advance(self.round)

    def advance(self, k: int) -> None:
        """Step k, timed."""
        with self.timed():
            if not self.prepared:
                self.prepare()
                self.prepared = True
            self.step(k)

    def validation_step(self, splits: LabelSplits, i: int) -> None:
        """Score the embedding on every label split, with the C that was best on the tuning split."""
        with self.timed():
            embedding = self.finish()
        self.record(**self.times(), **self.settings())
        # C means the same to every arm only if their columns have the same variance.
        embedding = standardise(embedding)
        truth = indicator(torch.as_tensor(splits.graph.labels))
        tuning = splits.tuning()
        trials = {c: classify(embedding, truth, tuning, c)["macro_f1"] for c in PENALTIES}
        c = max(trials, key=trials.__getitem__)
        self.record(c=c, tuning_f1=trials[c], purity=neighbour_purity(embedding, truth))
        for split in splits:
            self.record_row({"shuffle": split.shuffle, "labels": split.labels}, **classify(embedding, truth, split, c))
        for repeat in range(2, self.repeats + 1):
            self.embed()
            self.record_row({"repeat": repeat}, **self.times())

    def embed(self) -> Tensor:
        """Make the embedding [nodes, dim] from nothing, timed."""
        self.begin()
        for k in range(1, self.rounds + 1):
            self.advance(k)
        with self.timed():
            return self.finish()

    def times(self) -> dict[str, float]:
        """What the embedding cost so far."""
        return {name: getattr(self, name).item() for name in (*CLOCKS, *self.stages)}

    def result(self) -> dict[str, Tensor]:
        """The embedding, columns standardised, in half precision."""
        return {"embedding": standardise(self.finish()).half()}

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add CPU-seconds and wall seconds of what happens inside; keep the highest peak of resident memory, in MB."""
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far (Linux)
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu_seconds += time.process_time() - cpu
        self.wall_seconds += time.perf_counter() - wall
        self.peak_rss_mb.clamp_(min=peak_rss_mb())

    @contextmanager
    def timed_stage(self, stage: str) -> Iterator[None]:
        """Add the CPU-seconds of what happens inside to a part of the work."""
        cpu = time.process_time()
        yield
        getattr(self, stage).add_(time.process_time() - cpu)


def peak_rss_mb() -> float:
    """Peak resident memory of this process in MB (10^6 bytes) since it was last forgotten."""
    status = Path("/proc/self/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) * 1024 / 1e6


def standardise(features: Tensor) -> Tensor:
    """Columns with zero mean and unit variance; constant columns become zero."""
    centred = features - features.mean(0)
    deviation = centred.square().mean(0).sqrt_()
    return centred.div_(torch.where(deviation > 0, deviation, 1.0))


def degrees(adjacency: csr_array) -> np.ndarray:
    """Node degrees, float64 [nodes]."""
    return np.asarray(adjacency.sum(axis=1))


def transition(adjacency: csr_array) -> csr_array:
    """The random walk's matrix ``T = D^-1 A`` of a graph without isolated nodes: its rows sum to 1."""
    rows = np.repeat(1 / degrees(adjacency), np.diff(adjacency.indptr))
    return csr_array((adjacency.data * rows, adjacency.indices, adjacency.indptr), shape=adjacency.shape)


def symmetric_transition(adjacency: csr_array) -> csr_array:
    """``D^-1/2 A D^-1/2``: as T, but symmetric."""
    root = 1 / np.sqrt(degrees(adjacency))
    data = adjacency.data * np.repeat(root, np.diff(adjacency.indptr)) * root[adjacency.indices]
    return csr_array((data, adjacency.indices, adjacency.indptr), shape=adjacency.shape)
