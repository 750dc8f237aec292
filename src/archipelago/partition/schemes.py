"""Schemes: rules that hand samples to clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from archipelago.errors import ArchipelagoError
from archipelago.ranges import Positive, Whole

MAX_DRAWS = 1000


class Scheme(Protocol):
    """What ``make_partition`` asks of a scheme."""

    def assign(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> np.ndarray:
        """The client of each sample: labels int [n] -> int32 [n], -1 for nobody. All draws are ``rng``'s."""


@runtime_checkable
class OwnTestSets(Protocol):
    """A scheme that gives each client a test set of its own, distributed like its training samples."""

    def assign_both(
        self, labels: np.ndarray, test_labels: np.ndarray, clients: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """As ``Scheme.assign``, for the training and for the test samples."""


@dataclass(frozen=True)
class IID:
    """Every client holds a uniform sample; the sizes differ by at most one."""

    def assign(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> np.ndarray:
        """See ``Scheme.assign``."""
        return rng.permutation(np.arange(len(labels), dtype=np.int32) % clients)


@dataclass(frozen=True)
class Dirichlet:
    """Skew by label: each class is spread over the clients in proportions drawn from Dir(alpha, ..., alpha).

    The recipe of Hsu, Qi, Brown (2019), https://arxiv.org/abs/1909.06335, in the per-class form of Yurochkin et al.
    (2019), https://arxiv.org/abs/1905.12022: for each class k draw p_k ~ Dir(alpha 1), shuffle its samples and cut them
    at the cumulated proportions. All proportions are drawn anew until every client has ``min_samples``, which
    conditions the distribution on that event.
    """

    alpha: Positive
    """Concentration: -> 0 gives each class to one client, -> infinity is IID up to the class sizes."""
    min_samples: Whole = 1

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ArchipelagoError(
                f"alpha is {self.alpha}", key="partition.scheme.init_args.alpha", remedy="Give a positive number."
            )

    def assign(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> np.ndarray:
        """See ``Scheme.assign``.

        Raises:
            ArchipelagoError: no draw of many gave every client ``min_samples``.
        """
        _, classes, class_sizes = np.unique(labels, return_inverse=True, return_counts=True)
        for _ in range(MAX_DRAWS):
            proportions = rng.dirichlet(np.full(clients, self.alpha), size=len(class_sizes))
            cuts = np.floor(np.cumsum(proportions, axis=1) * class_sizes[:, None]).astype(int)
            cuts[:, -1] = class_sizes
            counts = np.diff(cuts, axis=1, prepend=0)
            if counts.sum(axis=0).min() >= self.min_samples:
                break
        else:
            raise ArchipelagoError(
                f"none of {MAX_DRAWS} draws of Dirichlet({self.alpha}) gave each of {clients} clients "
                f"{self.min_samples} of {len(labels)} samples",
                key="partition",
                remedy="Raise alpha or samples, or lower clients or min_samples.",
            )
        shuffled = rng.permutation(len(labels))
        by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
        client_of = np.empty(len(labels), dtype=np.int32)
        client_of[by_class] = np.repeat(np.tile(np.arange(clients), len(class_sizes)), counts.ravel())
        return client_of
