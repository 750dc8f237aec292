"""DeepWalk: Online Learning of Social Representations.

Perozzi, Al-Rfou, Skiena. KDD 2014. https://arxiv.org/abs/1403.6652

Uniform random walks are read as sentences by skip-gram (gensim, here with negative sampling, one worker).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gensim.models import Word2Vec
from torch import Tensor

from archipelago.methods.graphs.embedding import NodeEmbedding
from archipelago.methods.graphs.walks import uniform_walks
from archipelago.randomness import numpy_stream, stream_seed
from archipelago.ranges import Count

LEARNING_RATE, LAST_LEARNING_RATE = 0.025, 0.0001
"""word2vec's: linear from the first to the last over all epochs."""


class Corpus:
    """Walks as gensim reads them, again and again: lists of node ids."""

    def __init__(self, walks: np.ndarray) -> None:
        self.walks = walks

    def __len__(self) -> int:
        return len(self.walks)

    def __iter__(self) -> Iterator[list[int]]:
        for block in np.array_split(self.walks, max(1, len(self.walks) // 1000)):
            yield from block.tolist()


class DeepWalk(NodeEmbedding):
    """Round k is the k-th epoch of skip-gram over the same walks.

    Args:
        walks: walks from every node.
        length: nodes in a walk.
        window: largest distance in a walk between a node and its context.
        negatives: noise nodes a pair.
        common: of every node embedding.
    """

    stages = ("walk_seconds", "train_seconds")

    contexts: Tensor
    walk_seconds: Tensor
    train_seconds: Tensor

    def __init__(
        self, walks: Count = 10, length: Count = 40, window: Count = 5, negatives: Count = 5, **common: Any
    ) -> None:
        super().__init__(**common)
        self.walks, self.length, self.window, self.negatives = walks, length, window, negatives

    def allocate(self, nodes: int) -> dict[str, Tensor]:
        """Vectors of nodes (the embedding: uniform, as word2vec begins) and of contexts (zero); both [nodes, dim]."""
        begin = numpy_stream(self.seed, "vectors").random((nodes, self.dim), dtype=np.float32)
        return {"embedding": torch.from_numpy((begin - 0.5) / self.dim), "contexts": torch.zeros(nodes, self.dim)}

    def walk(self, rng: np.random.Generator) -> np.ndarray:
        """All walks: int32 [walks x nodes, length]."""
        return uniform_walks(self.adjacency, self.walks, self.length, rng)

    def prepare(self) -> None:
        """The walks."""
        with self.timed_stage("walk_seconds"):
            self.corpus = Corpus(self.walk(numpy_stream(self.seed, "walks")))

    def step(self, k: int) -> None:
        """One epoch, begun from the buffers alone, so that a resumed run trains as an uninterrupted one."""
        with self.timed_stage("train_seconds"):
            skip_gram = Word2Vec(
                vector_size=self.dim,
                window=self.window,
                negative=self.negatives,
                sg=1,
                min_count=1,
                sample=0,
                workers=1,
                seed=stream_seed(self.seed, "skip-gram", k) % 2**32,
            )
            visits = np.bincount(self.corpus.walks.ravel())
            skip_gram.build_vocab_from_freq(dict(enumerate(visits.tolist())))
            node = np.asarray(skip_gram.wv.index_to_key)
            skip_gram.wv.vectors[:] = self.embedding.numpy()[node]
            skip_gram.syn1neg[:] = self.contexts.numpy()[node]
            fall = (LEARNING_RATE - LAST_LEARNING_RATE) / self.rounds
            skip_gram.train(
                self.corpus,
                total_examples=len(self.corpus),
                epochs=1,
                start_alpha=LEARNING_RATE - fall * (k - 1),
                end_alpha=LEARNING_RATE - fall * k,
            )
            self.embedding.numpy()[node] = skip_gram.wv.vectors
            self.contexts.numpy()[node] = skip_gram.syn1neg
