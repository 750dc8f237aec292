"""Peers, each with a model of its own: a row of one matrix."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archipelago.gossip.batches import NodeBatch, NodeBatches
from archipelago.population.distances import spread
from archipelago.population.evaluation import accuracy_of_rows
from archipelago.population.gradients import flatten, rows_gradient
from archipelago.population.rounds import RoundModule
from archipelago.population.wire import Ledger


class Peers(RoundModule):
    """n peers without a server. One training step is one round: every peer's batch comes along, ``step`` does the rest.

    Every peer's model is a row of ``theta`` [n, d]. Whatever peers send goes through ``wire``.
    """

    theta: Tensor
    gradients_computed: Tensor
    bytes_sent: Tensor

    def __init__(self, model: nn.Module, seed: int) -> None:
        super().__init__(seed)
        self.network = model
        self.wire = Ledger()

    # What a method changes

    def start(self, peers: int) -> Tensor:
        """The models [n, d] that peers start with; here equal ones."""
        return flatten(self.network).repeat(peers, 1)

    def declare_state(self) -> None:
        """Register further buffers, a row a peer, shaped like ``theta``."""

    def step(self, batch: NodeBatch) -> None:
        """One round: move ``theta``."""
        raise NotImplementedError

    # What a method uses

    def gradient(self, batch: NodeBatch) -> Tensor:
        """The gradient [n, d] of every peer's loss on its batch, at its model."""
        losses, gradients = self.loss_and_gradient(batch.x, batch.y)
        self.gradients_computed += 1
        self.record(train_loss=losses.mean().item())
        return gradients

    def loss_and_gradient(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Losses [n] and gradients [n, d]."""
        return rows_gradient(self.network, self.theta, x, y)

    # The common course

    def result(self) -> dict[str, Tensor]:
        """The models."""
        return {"theta": self.theta}

    @property
    def feed(self) -> NodeBatches:
        """The feed that this method trains on."""
        return self.trainer.datamodule  # type: ignore[attr-defined]

    def setup(self, stage: str) -> None:
        """Give every peer its model, now that their number is known."""
        self.register_buffer("theta", self.start(self.feed.peers))
        self.register_buffer("gradients_computed", torch.zeros((), dtype=torch.int64))
        self.register_buffer("bytes_sent", torch.zeros((), dtype=torch.int64))
        self.declare_state()

    @torch.no_grad()
    def training_step(self, batch: NodeBatch, batch_idx: int) -> None:
        """One round."""
        self.step(batch)
        self.bytes_sent += self.wire.take().get("bytes_sent", 0)
        if batch.probe is not None:
            self.record(probe_acc_mean=accuracy_of_rows(self.network, self.theta, *batch.probe).mean().item())

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Evaluate every peer's model. Gradients and bytes are a peer's, counted from the first round."""
        accuracies = accuracy_of_rows(self.network, self.theta, *batch)
        self.record(
            acc_node0=accuracies[0].item(),
            acc_mean=accuracies.mean().item(),
            acc_worst=accuracies.min().item(),
            drift=spread(self.theta).item(),
            grad_computations=self.gradients_computed.item(),
            bytes_sent=self.bytes_sent.item(),
        )
