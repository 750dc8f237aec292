"""Peers that broadcast to all others, some of them Byzantine; a method says what is sent and how it is combined."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from archipelago.errors import ArchipelagoError
from archipelago.gossip.batches import NodeBatch
from archipelago.gossip.peers import Peers
from archipelago.population.aggregation import Rule
from archipelago.population.attacks import Attack, Scene
from archipelago.population.distances import spread
from archipelago.randomness import torch_stream
from archipelago.ranges import Count, NonNegative, Positive, Whole


class Broadcast(Peers):
    """All-to-all learning of n peers, ``byzantine`` (f) of them colluding attackers, the others honest.

    The honest peers are the rows of ``theta`` [n - f, d]; all start equal. The network is asynchronous: a peer can wait
    for n - f messages, no more; the worst case is played, in which all f lies are among them.

    In a round's ``step`` peers broadcast by ``exchange``. Step sizes fall as ``gamma0 / (1 + t' / tau)``, t' the round
    (from 0) floored to a multiple of ``delta``; the loss has the regulariser ``l2 / 2 * ||theta||^2``.
    """

    def __init__(
        self,
        gamma0: Positive,
        tau: Positive = 50.0,
        delta: Count = 50,
        l2: NonNegative = 0.0,
        byzantine: Whole = 0,
        attack: Attack | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if byzantine and attack is None:
            raise ArchipelagoError(
                f"{byzantine} Byzantine peers without an attack",
                key="method.init_args.attack",
                remedy="Name an attack.",
            )
        self.gamma0, self.tau, self.delta, self.l2 = gamma0, tau, delta, l2
        self.byzantine, self.attack = byzantine, attack

    # What a method changes

    @property
    def rule(self) -> Rule:
        """How a peer combines what it hears."""
        raise NotImplementedError

    # What a method uses

    @property
    def peers(self) -> int:
        """The number n of all peers."""
        return self.honest + self.byzantine

    def step_size(self, batch: NodeBatch) -> float:
        """The step size of this round."""
        t = (batch.round - 1) // self.delta * self.delta
        return self.gamma0 / (1 + t / self.tau)

    def loss_and_gradient(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Losses [honest] without the regulariser, gradients [honest, d] with it."""
        losses, gradients = super().loss_and_gradient(x, y)
        return losses, gradients.add_(self.theta, alpha=self.l2)

    def delivery(self, round: int, broadcast: str) -> Tensor:
        """Which messages an honest peer hears before it goes on: bool [honest, n], attackers last.

        All lies, its own and n - 2f - 1 drawn uniformly from the other honest ones, by (seed, round, broadcast).
        """
        lots = torch.rand(self.honest, self.honest, generator=torch_stream(self.seed, "delivery", round, broadcast))
        lots.fill_diagonal_(-1.0)
        first = lots.argsort(1)[:, : self.honest - self.byzantine]
        heard = torch.ones(self.honest, self.peers, dtype=torch.bool)
        heard[:, : self.honest] = False
        return heard.scatter_(1, first, True).to(self.device)

    def exchange(self, batch: NodeBatch, messages: Tensor, origin: Tensor, broadcast: str = "models") -> Tensor:
        """Everybody broadcasts, and every honest peer combines what it hears.

        Args:
            batch: of this round.
            messages: what honest peers send [honest, d].
            origin: what they would have sent, had they made no step [honest, d].
            broadcast: a name, different for each broadcast of a round.

        Returns:
            The results [honest, d].
        """
        heard = self.delivery(batch.round, broadcast)
        rows = messages
        if self.attack is not None and self.byzantine:
            scene = Scene(
                honest=messages,
                origin=origin,
                heard=heard,
                rule=self.rule,
                step_size=self.step_size(batch),
                labels=batch.y,
                gradient=lambda labels: self.loss_and_gradient(batch.x, labels)[1],
                stream=torch_stream(self.seed, "attack", batch.round, broadcast),
            )
            rows = torch.cat([messages, self.attack.lie(scene).expand(self.byzantine, -1)])
        results, weights = self.rule.combine(rows, heard)
        self.wire.send("sent", {broadcast: messages[0]}, receivers=self.peers - 1)
        self.record(contraction=(spread(results) / spread(messages)).item())
        if weights is not None:
            self.record(byzantine_weight=weights[:, self.honest :].sum(1).mean().item())
        return results

    # The common course

    def setup(self, stage: str) -> None:
        """Give every honest peer its own model, now that their number is known.

        Raises:
            ArchipelagoError: the Byzantine peers are too many.
        """
        super().setup(stage)
        if self.honest <= self.byzantine:
            raise ArchipelagoError(
                f"{self.byzantine} Byzantine peers among {self.peers}: a peer would hear no honest other",
                key="method.init_args.byzantine",
                remedy="Lower it, or raise partition.clients, the number of honest peers.",
            )

    @property
    def honest(self) -> int:
        """The number n - f of honest peers."""
        return len(self.theta)
