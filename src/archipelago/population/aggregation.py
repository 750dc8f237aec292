"""Robust aggregation: how each listener combines the rows of a population that it hears.

Everywhere ``rows`` [n, d] are the messages of n senders and ``heard`` [listeners, n] (bool) says whose message reaches
whom. Listener i is sender i: row i is its own message, and it always hears itself. A server is one listener.

Rules whose result is a weighted sum of the rows are functions (gram [..., n, n], heard) -> weights [..., listeners, n]:
they need no more than inner products, which lets an attacker try many lies at the price of one. Rules that work on each
coordinate are functions (rows, heard) -> results [listeners, d].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from archipelago.population.distances import gram, squared_distances

# Rules that return weights


def mean_weights(gram: Tensor, heard: Tensor) -> Tensor:
    """Plain average of what is heard."""
    weights = heard / heard.sum(-1, keepdim=True, dtype=gram.dtype)
    return weights.expand(*gram.shape[:-2], *weights.shape)


def nearest_neighbour_weights(gram: Tensor, heard: Tensor, keep: int) -> Tensor:
    """Nearest-neighbour averaging (MoNNA, https://proceedings.mlr.press/v202/farhadkhani23a.html).

    The mean of the ``keep`` messages nearest (L2) to the listener's own, which is always one of them.
    """
    distances = squared_distances(gram)[..., : len(heard), :].masked_fill(~heard, torch.inf)
    distances.diagonal(dim1=-2, dim2=-1).fill_(-1.0)  # before any other row at distance 0
    nearest = distances.topk(keep, largest=False).indices
    return torch.zeros_like(distances).scatter_(-1, nearest, 1 / keep)


def geometric_median_weights(gram: Tensor, heard: Tensor, iterations: int = 8, smoothing: float = 1e-6) -> Tensor:
    """Geometric median by the smoothed Weiszfeld algorithm, from the mean (RFA, https://arxiv.org/abs/1912.13445).

    A message at distance r from the current point gets a weight proportional to ``1 / max(r, smoothing)``.
    """
    norms = gram.diagonal(dim1=-2, dim2=-1).unsqueeze(-2)
    weights = mean_weights(gram, heard)
    for _ in range(iterations):
        inner = weights @ gram
        squared = norms - 2 * inner + (weights * inner).sum(-1, keepdim=True)
        weights = heard / squared.clamp_min(smoothing**2).sqrt()
        weights = weights / weights.sum(-1, keepdim=True)
    return weights


def clipping_weights(gram: Tensor, heard: Tensor, radius: float) -> Tensor:
    """Self-centred clipping (https://arxiv.org/abs/2202.01545): own + mean of the differences to own, each clipped.

    A difference longer than ``radius`` is shortened to it.
    """
    distances = squared_distances(gram)[..., : len(heard), :].sqrt()
    weights = mean_weights(gram, heard) * (radius / distances.clamp_min(radius))
    weights.diagonal(dim1=-2, dim2=-1).add_(1 - weights.sum(-1))
    return weights


# A rule that works on each coordinate


def trimmed_mean(rows: Tensor, heard: Tensor, trim: int) -> Tensor:
    """Coordinate-wise mean of what is heard without the ``trim`` smallest and the ``trim`` largest values.

    Everybody must hear equally many messages, more than ``2 * trim`` and at most 255. The rows are sorted once for all
    listeners; going up through them, each listener counts the ones that it hears.
    """
    listeners, senders = heard.shape
    kept = int(heard[0].sum()) - 2 * trim
    # NumPy's vectorised argsort takes a third of torch's time.
    order = torch.from_numpy(np.argsort(rows.cpu().numpy(), axis=0)).to(rows.device)
    values = rows.gather(0, order)
    hears = heard.T.to(torch.uint8).contiguous()
    # A value's rank among those that a listener hears, less trim. What is below 0 wraps around to the top of uint8, so
    # that one comparison tells whether the value is kept.
    rank = torch.full((rows.shape[1], listeners), 255 - trim, dtype=torch.uint8, device=rows.device)
    total = rows.new_zeros(rows.shape[1], listeners)
    for position in range(senders - trim):
        heard_here = hears.index_select(0, order[position])
        rank += heard_here
        if position >= trim:
            total += (rank < kept) * heard_here * values[position].unsqueeze(1)
    return (total / kept).T


# A rule in use, as peers and attackers see it


class Combined(NamedTuple):
    """What a rule makes of the messages: results [listeners, d] and, if it weighs senders, weights [listeners, n]."""

    results: Tensor
    weights: Tensor | None


Harm = Callable[[Tensor], Tensor]
"""Strengths z [k] -> squared distance [k] between the listeners' mean result and the honest mean."""


class Rule(Protocol):
    """A rule with all its settings."""

    refinements: int
    """How often an attacker may refine a grid of strengths."""

    def combine(self, rows: Tensor, heard: Tensor) -> Combined:
        """What each listener makes of what it hears."""

    def harm(self, honest: Tensor, heard: Tensor, direction: Tensor, stream: torch.Generator) -> Harm:
        """How far attackers move the listeners who all send ``honest mean + z * direction``, as a function of z.

        Args:
            honest: the honest messages [h, d]; the other senders that ``heard`` [h, n] knows are attackers.
            heard: who hears whom.
            direction: [d].
            stream: source of the rule's approximation, if it makes one.
        """


@dataclass(frozen=True)
class Weighted:
    """A rule that returns weighted sums; ``weights`` is a function of (gram, heard)."""

    weights: Callable[[Tensor, Tensor], Tensor]
    refinements = 2

    def combine(self, rows: Tensor, heard: Tensor) -> Combined:
        """See ``Rule.combine``."""
        weights = self.weights(gram(rows), heard)
        return Combined(weights.to(rows.dtype) @ rows, weights)

    def harm(self, honest: Tensor, heard: Tensor, direction: Tensor, stream: torch.Generator) -> Harm:
        """See ``Rule.harm``; exact, in the span of the honest messages and the direction."""
        peers, senders = heard.shape
        inner = gram(torch.cat([honest, direction.unsqueeze(0)]))
        coordinates = torch.eye(senders, peers + 1, dtype=inner.dtype, device=inner.device)
        coordinates[peers:] = 1 / peers
        mean = coordinates.new_full((peers + 1,), 1 / peers)
        mean[peers] = 0.0

        def moved(strengths: Tensor) -> Tensor:
            senders_in_span = coordinates.repeat(len(strengths), 1, 1)
            senders_in_span[:, peers:, peers] = strengths.to(inner).unsqueeze(1)
            weights = self.weights(senders_in_span @ inner @ senders_in_span.mT, heard)
            shift = (weights.mean(-2, keepdim=True) @ senders_in_span).squeeze(-2) - mean
            return (shift @ inner * shift).sum(-1)

        return moved


@dataclass(frozen=True)
class Coordinatewise:
    """A rule that works on each coordinate; ``results`` is a function of (rows, heard)."""

    results: Callable[[Tensor, Tensor], Tensor]
    refinements = 0
    sampled = 1000
    """Coordinates on which attackers try their strengths."""

    def combine(self, rows: Tensor, heard: Tensor) -> Combined:
        """See ``Rule.combine``."""
        return Combined(self.results(rows, heard), None)

    def harm(self, honest: Tensor, heard: Tensor, direction: Tensor, stream: torch.Generator) -> Harm:
        """See ``Rule.harm``; estimated on coordinates drawn from the stream."""
        peers, senders = heard.shape
        drawn = torch.randperm(honest.shape[1], generator=stream)[: self.sampled].to(honest.device)
        honest, direction = honest[:, drawn], direction[drawn]
        mean = honest.mean(0)

        def moved(strengths: Tensor) -> Tensor:
            # The strengths side by side, as further coordinates of one population.
            lies = (mean + strengths.to(mean).unsqueeze(1) * direction).flatten()
            rows = torch.cat([honest.repeat(1, len(strengths)), lies.expand(senders - peers, -1)])
            shifts = self.results(rows, heard).mean(0).unflatten(0, (len(strengths), -1)) - mean
            return shifts.square().sum(-1)

        return moved
