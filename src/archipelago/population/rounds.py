"""What every method stands on: a module whose training step is one round, and the loader that counts the rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

Value = float | int | str


class Rounds:
    """A loader that yields ``make(1), ..., make(rounds)`` and can be put back to any round.

    Lightning saves and restores it through ``state_dict`` / ``load_state_dict``; ``make`` must be a function of the
    round alone, so that a resumed run sees the items that the interrupted one would have seen.
    """

    def __init__(self, rounds: int, make: Callable[[int], Any]) -> None:
        self.rounds, self.make = rounds, make
        self.done = 0

    def __len__(self) -> int:
        return self.rounds

    def __iter__(self) -> Iterator[Any]:
        while self.done < self.rounds:
            self.done += 1
            yield self.make(self.done)
        self.done = 0

    def state_dict(self) -> dict[str, int]:
        """How many rounds were handed out."""
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the rounds handed out before."""
        self.done = state["done"]


class RoundModule(pl.LightningModule):
    """A method: ``training_step(item, i)`` is one round, ``validation_step`` evaluates.

    Optimisation is manual: a round is many local steps on many models, which no single optimiser describes.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.seed = seed

    def configure_optimizers(self) -> None:
        """None: Lightning steps no optimiser."""
        return None

    @property
    def round(self) -> int:
        """The round under way, from 1."""
        return self.trainer.fit_loop.epoch_loop.batch_idx + 1

    def result(self) -> dict[str, Tensor]:
        """What a finished run leaves as ``model.pt``."""
        return self.state_dict()

    def record(self, **metrics: Value) -> None:
        """Record metrics of this round; all that is recorded in one round forms one row."""
        self.record_row({}, **metrics)

    def record_row(self, index: dict[str, Value], /, **metrics: Value) -> None:
        """Record metrics in the row of this round that ``index`` names, e.g. ``{"shuffle": 2, "labels": 0.01}``."""
        self.trainer.logger.record(self.round, index, metrics)  # type: ignore[union-attr]
