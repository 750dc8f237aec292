"""Byzantine senders: omniscient, colluding, all sending one lie to everybody.

An attack turns a ``Scene``, all that the attackers see, into what they send.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from archipelago.population.aggregation import Harm, Rule
from archipelago.population.distances import deviation
from archipelago.ranges import Count


@dataclass(frozen=True)
class Scene:
    """One broadcast, as the attackers see it before they send."""

    honest: Tensor
    """The honest messages [h, d]."""
    origin: Tensor
    """What honest senders would send, had they made no step [h, d]: their old models; zero where gradients are sent."""
    heard: Tensor
    """Who hears whom [h, n]; senders h, ..., n - 1 are the attackers."""
    rule: Rule
    """How listeners combine what they hear."""
    step_size: float
    labels: Tensor
    """The labels of the honest senders' batches [h, batch]."""
    gradient: Callable[[Tensor], Tensor]
    """The honest senders' gradients [h, d] had these been their labels [h, batch]."""
    stream: torch.Generator


class Attack(ABC):
    """How the attackers choose their lie."""

    @abstractmethod
    def lie(self, scene: Scene) -> Tensor:
        """The message [d] that every attacker sends."""


def strongest(harm: Harm, refinements: int) -> float:
    """The strength z > 0 that does the most harm: 8 values from 2^-9 to 2^5, then 4 between neighbours of the best."""
    ratio = 4.0
    grid = ratio ** (torch.arange(8, dtype=torch.float64) - 4.5)
    best = grid[harm(grid).argmax()]
    for _ in range(refinements):
        ratio **= 1 / 3
        grid = best * ratio ** torch.arange(-2, 3, dtype=torch.float64)
        best = grid[harm(grid).argmax()]
    return best.item()


def strongest_lie(scene: Scene, direction: Tensor) -> Tensor:
    """The honest mean, moved along the direction [d] by what harms the rule in use the most."""
    harm = scene.rule.harm(scene.honest, scene.heard, direction, scene.stream)
    return scene.honest.mean(0) + strongest(harm, scene.rule.refinements) * direction


class ALIE(Attack):
    """A Little Is Enough (https://arxiv.org/abs/1902.06156): away from the mean by z standard deviations."""

    def lie(self, scene: Scene) -> Tensor:
        """See ``Attack.lie``."""
        return strongest_lie(scene, deviation(scene.honest))


class FallOfEmpires(Attack):
    """Fall of Empires (https://arxiv.org/abs/1903.03936): against the mean, ``(1 - z) * mean``."""

    def lie(self, scene: Scene) -> Tensor:
        """See ``Attack.lie``."""
        return strongest_lie(scene, -scene.honest.mean(0))


class NegatedMean(Attack):
    """The negated mean message (the reference code's sign flip; far from every honest model, so easy to reject)."""

    def lie(self, scene: Scene) -> Tensor:
        """See ``Attack.lie``."""
        return -scene.honest.mean(0)


class FlippedStep(Attack):
    """The honest mean, had the honest stepped the other way: a flipped sign that stays among honest models."""

    def lie(self, scene: Scene) -> Tensor:
        """See ``Attack.lie``."""
        return 2 * scene.origin.mean(0) - scene.honest.mean(0)


class LabelFlip(Attack):
    """The honest mean after a further step that trains label l as ``classes - 1 - l``."""

    def __init__(self, classes: Count = 10) -> None:
        self.classes = classes

    def lie(self, scene: Scene) -> Tensor:
        """See ``Attack.lie``."""
        flipped = scene.gradient(self.classes - 1 - scene.labels).mean(0)
        return scene.honest.mean(0) - scene.step_size * flipped
