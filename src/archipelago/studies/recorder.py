"""Where a run's metrics go while it trains: rows in memory, saved with every checkpoint."""

from __future__ import annotations

import math
from argparse import Namespace
from typing import Any

import pandas as pd
from pytorch_lightning.loggers import Logger

from archipelago.population.rounds import Value

Row = dict[str, Value]


class Recorder(Logger):
    """Gathers what a method records into rows: one per round and combination of index columns (those given first)."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[Value, ...], Row] = {}

    @property
    def name(self) -> None:
        """Not used: the run's key is its name."""
        return None

    @property
    def version(self) -> None:
        """Not used."""
        return None

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: a run's parameters are its specification."""

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Record in the row of round ``step`` that has no index."""
        assert step is not None
        self.record(step, {}, metrics)

    def record(self, round: int, index: Row, metrics: Row) -> None:
        """Add metrics to the row of this round and index."""
        name = (round, *(part for item in sorted(index.items()) for part in item))
        self.rows.setdefault(name, {"round": round, **index}).update(metrics)

    @property
    def latest(self) -> Row:
        """The last row opened."""
        return next(reversed(self.rows.values()), {})

    def frame(self) -> pd.DataFrame:
        """All rows, in the order in which they were opened; ``diverged`` says whether a loss was ever not finite."""
        diverged = any(
            isinstance(value, float) and name.endswith("loss") and not math.isfinite(value)
            for row in self.rows.values()
            for name, value in row.items()
        )
        return pd.DataFrame(list(self.rows.values())).assign(diverged=diverged)

    def state_dict(self) -> list[tuple[list[Value], Row]]:
        """The rows under their names, for a checkpoint."""
        return [(list(name), row) for name, row in self.rows.items()]

    def load_state_dict(self, rows: list[tuple[list[Value], Row]]) -> None:
        """Take the rows back from a checkpoint."""
        self.rows = {tuple(name): row for name, row in rows}
