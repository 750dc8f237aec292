"""The common course of a federated round; a method says only in what it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from archipelago.federation.cohorts import Cohorts
from archipelago.population.flat import FlatModel
from archipelago.population.rounds import RoundModule
from archipelago.population.wire import Ledger, Message
from archipelago.randomness import torch_stream
from archipelago.ranges import Count, NonNegative, Positive, PositiveShare, Share

Batch = tuple[Tensor, Tensor]

SHARPNESS_RADIUS = 0.1


class Client:
    """A client at work in one round.

    ``received`` is what the server sent, ``anchor`` [d] the weights that the client starts from, ``weights`` [d] its
    own; ``steps`` counts the local steps made, ``lr`` is this round's step size.
    """

    def __init__(self, id: int, received: Message, anchor: Tensor, network: FlatModel, samples: int, lr: float) -> None:
        self.id, self.received, self.anchor, self.samples, self.lr = id, received, anchor, samples, lr
        self.network = network
        self.steps = 0
        self.gradient_evaluations = 0
        self.losses: list[Tensor] = []
        network.load(self.anchor)

    @property
    def weights(self) -> Tensor:
        """The client's weights [d]: the network's own vector, changed in place by local steps."""
        return self.network.weights

    @property
    def drift(self) -> Tensor:
        """How far the client went from where it started [d]."""
        return self.weights - self.anchor

    def gradient(self, batch: Batch, at: Tensor | None = None) -> Tensor:
        """Gradient [d] of the mean loss on a batch at the client's weights, or ``at`` other ones [d].

        The result is the network's buffer: it holds until the next call, and the caller may change it.
        """
        self.gradient_evaluations += 1
        if at is None:
            loss, gradient = self.network.gradient(*batch)
            self.losses.append(loss)
            return gradient
        own = self.weights.clone()
        self.network.load(at)
        _, gradient = self.network.gradient(*batch)
        self.network.load(own)
        return gradient


@dataclass(frozen=True)
class Reply:
    """What a client sent back, and what its work was: the samples it holds, the local steps it made."""

    client: int
    samples: int
    steps: int
    message: Message


class Federation(RoundModule):
    """Server and clients. One training step is one round: send, train locally, send back, aggregate.

    Local training is SGD for ``local_epochs`` passes in batches of ``batch_size`` with step size
    ``lr * lr_decay**(round - 1)`` and ``local_momentum``, from rest in every round. A step goes along ``direction``,
    clipped to the global norm ``clip_norm`` (None: not at all); ``weight_decay * weights`` is added after the clip.
    Hooks are called without autograd; ``Client.gradient`` turns it on for itself.
    """

    server: Tensor

    def __init__(
        self,
        model: nn.Module,
        seed: int,
        lr: Positive,
        local_epochs: Count,
        batch_size: Count,
        lr_decay: PositiveShare = 1.0,
        local_momentum: Share = 0.0,
        weight_decay: NonNegative = 0.0,
        clip_norm: Positive | None = None,
        weighting: Literal["samples", "uniform"] = "samples",
    ) -> None:
        super().__init__(seed)
        self.network = FlatModel(model)
        self.lr, self.lr_decay, self.local_momentum = lr, lr_decay, local_momentum
        self.local_epochs, self.batch_size = local_epochs, batch_size
        self.weight_decay, self.clip_norm = weight_decay, clip_norm
        self.weighting = weighting
        self.wire = Ledger()
        self.register_buffer("server", self.network.weights.clone())

    # What a method changes

    def declare_state(self, clients: int) -> None:
        """Register the buffers that live on the server or, a row a client, on the clients, for the whole run."""

    def download(self, client: int) -> Message:
        """What the server sends to a client; here the global model."""
        return {"weights": self.server}

    def start(self, client: int, received: Message) -> Tensor:
        """The weights [d] that a client starts from; here those it received."""
        return received["weights"]

    def direction(self, client: Client, batch: Batch) -> Tensor:
        """The direction [d] of a local step, before clipping and weight decay; it is changed in place."""
        raise NotImplementedError

    def upload(self, client: Client) -> Message:
        """What a client sends back when its local steps are done; here it also updates its persistent state."""
        raise NotImplementedError

    def aggregate(self, replies: list[Reply]) -> None:
        """Make the next global model from the replies, which come in ascending order of client."""
        raise NotImplementedError

    def measure_result(self) -> None:
        """Record, in the last round, what is worth measuring once; here the sharpness on all clients' samples."""
        samples = (self.feed.x.to(self.device), self.feed.y.to(self.device))
        self.record(sharpness=self.network.sharpness(self.server, *samples, SHARPNESS_RADIUS))

    # The common course

    def result(self) -> dict[str, Tensor]:
        """The global model; clients' states, a row a client, are not worth keeping."""
        return {"server": self.server}

    def setup(self, stage: str) -> None:
        """Declare the state, now that the number of clients is known."""
        self.declare_state(self.feed.clients)

    def on_fit_start(self) -> None:
        """Compute where the state lies."""
        self.network.to(self.device)

    @property
    def feed(self) -> Cohorts:
        """The feed that this method trains on."""
        return self.trainer.datamodule  # type: ignore[attr-defined]

    @property
    def local_lr(self) -> float:
        """The clients' step size in this round."""
        return self.lr * self.lr_decay ** (self.round - 1)

    @torch.no_grad()
    def training_step(self, cohort: list[int], batch_idx: int) -> None:
        """One round with the clients of ``cohort``."""
        replies, losses, drifts = [], [], []
        evaluations = 0
        for id in cohort:
            x, y = (part.to(self.device) for part in self.feed.shard(id))
            message = self.wire.send("down", self.download(id))
            client = Client(id, message, self.start(id, message), self.network, len(y), self.local_lr)
            self.train_locally(client, x, y)
            reply = {name: tensor.clone() for name, tensor in self.wire.send("up", self.upload(client)).items()}
            replies.append(Reply(id, client.samples, client.steps, reply))
            losses.append(torch.stack(client.losses).mean())
            drifts.append(client.drift.square().sum())
            evaluations += client.gradient_evaluations
        self.aggregate(replies)
        self.record(
            train_loss=torch.stack(losses).mean().item(),
            client_drift=torch.stack(drifts).mean().item(),
            gradient_evaluations=evaluations,
            **self.wire.take(),
        )
        if self.round == self.feed.rounds:
            self.measure_result()

    def train_locally(self, client: Client, x: Tensor, y: Tensor) -> None:
        """All local work of one client on its samples x [samples, ...], y [samples]."""
        self.sgd(client, x, y, self.local_epochs, torch_stream(self.seed, "batches", self.round, client.id))

    def sgd(self, client: Client, x: Tensor, y: Tensor, epochs: int, stream: torch.Generator) -> None:
        """Local steps for so many passes; the stream draws the order of the samples."""
        velocity = torch.zeros_like(client.weights) if self.local_momentum else None
        for _ in range(epochs):
            order = torch.randperm(len(y), generator=stream)
            # One gather an epoch; batches are views of it.
            for batch in zip(x[order].split(self.batch_size), y[order].split(self.batch_size), strict=True):
                direction = self.direction(client, batch)
                if self.clip_norm is not None:
                    direction.mul_((self.clip_norm / (direction.norm() + 1e-6)).clamp(max=1.0))
                direction.add_(client.weights, alpha=self.weight_decay)
                if velocity is not None:
                    direction = velocity.mul_(self.local_momentum).add_(direction)
                client.weights.sub_(direction, alpha=client.lr)
                client.steps += 1

    def average(self, replies: list[Reply], name: str = "weights") -> Tensor:
        """The mean [d] of one part of the replies, weighted as the run's ``weighting`` says."""
        rows = torch.stack([reply.message[name] for reply in replies])
        if self.weighting == "uniform":
            return rows.mean(0)
        samples = torch.tensor([reply.samples for reply in replies], dtype=rows.dtype, device=rows.device)
        return (samples / samples.sum()) @ rows

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Evaluate the global model."""
        loss, accuracy = self.network.evaluate(self.server, *batch)
        self.record(test_loss=loss, test_accuracy=accuracy)
