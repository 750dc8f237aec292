"""Lightning's trainer as used here: rounds are batches of one epoch, and a killed fit goes on where it was."""

from __future__ import annotations

import logging
import signal
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.plugins.io import TorchCheckpointIO

from archipelago.address.files import write_aside
from archipelago.errors import ArchipelagoError
from archipelago.population.rounds import RoundModule
from archipelago.studies.recorder import Recorder

PREEMPTION = (signal.SIGTERM, signal.SIGUSR1)


class Preempted(SystemExit):
    """The process was told to stop; its run's checkpoint is written."""


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that appear whole or not at all, and are read without unpickling code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write aside, then rename."""
        # Through a file of Python's, so that a full disk is an OSError that says so.
        with write_aside(Path(path)) as part, part.open("wb") as file:
            torch.save(checkpoint, file)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """Read tensors and plain data only."""
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)


class RoundCheckpoint(pl.Callback):
    """Saves the run after a round, when ``every`` seconds have passed or a signal asks the process to stop.

    Where a round is followed by an evaluation the checkpoint comes after it, so that a resumed run repeats neither.
    """

    def __init__(self, path: Path, every: float) -> None:
        self.path, self.every = path, every
        self.saved_at = time.monotonic()
        self.stop: int | None = None
        self.cpu_before = 0.0
        self.cpu_start = time.process_time()

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the run so far, in this process and in those before it."""
        return self.cpu_before + time.process_time() - self.cpu_start

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take note of the signals that announce the end of the process instead of dying of them."""

        def note(signum: int, frame: FrameType | None) -> None:
            self.stop = signum

        before = {s: signal.signal(s, note) for s in PREEMPTION}
        try:
            yield
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After a round that no evaluation follows."""
        if (batch_idx + 1) % trainer.val_check_batch:  # type: ignore[operator]
            self._save_if_due(trainer)

    def on_validation_end(self, trainer: pl.Trainer, module: Any) -> None:
        """After an evaluation."""
        self._save_if_due(trainer)

    def _save_if_due(self, trainer: pl.Trainer) -> None:
        if self.stop is not None or time.monotonic() - self.saved_at >= self.every:
            trainer.save_checkpoint(self.path)
            self.saved_at = time.monotonic()
        if self.stop is not None:
            raise Preempted(128 + self.stop)

    def on_save_checkpoint(self, trainer: pl.Trainer, module: Any, checkpoint: dict[str, Any]) -> None:
        """Put the rows recorded so far, and what they cost, into the checkpoint."""
        checkpoint["rows"] = trainer.logger.state_dict()  # type: ignore[union-attr]
        checkpoint["cpu_seconds"] = self.cpu_seconds

    def on_load_checkpoint(self, trainer: pl.Trainer, module: Any, checkpoint: dict[str, Any]) -> None:
        """Take them back."""
        trainer.logger.load_state_dict(checkpoint["rows"])  # type: ignore[union-attr]
        self.cpu_before = checkpoint["cpu_seconds"]


class Progress(TQDMProgressBar):
    """Lightning's bar with the latest recorded metrics; evaluations, which take a moment, have no bar of their own."""

    def init_validation_tqdm(self) -> Tqdm:
        """A bar that is not shown."""
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar

    def get_metrics(self, trainer: pl.Trainer, module: Any) -> dict[str, Any]:
        """The metrics of the last row, shortened."""
        latest = trainer.logger.latest  # type: ignore[union-attr]
        return {name: f"{value:.4g}" for name, value in latest.items() if isinstance(value, float)}


def fit(
    method: RoundModule,
    feed: pl.LightningDataModule,
    *,
    rounds: int,
    evaluate_every: int,
    checkpoint: Path,
    checkpoint_every: float = 30.0,
) -> tuple[pd.DataFrame, float]:
    """Run all rounds of a method, going on from ``checkpoint`` if it exists; return its records and CPU seconds.

    ``evaluate_every`` divides ``rounds``. ``checkpoint_every`` is in seconds; 0 saves after every round.
    """
    recorder = Recorder()
    saver = RoundCheckpoint(checkpoint, checkpoint_every)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings(), saver.signals():
        warnings.filterwarnings("ignore", module="pytorch_lightning")
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="auto",
            devices=1,
            logger=recorder,
            callbacks=[saver, Progress(refresh_rate=max(1, rounds // 20))],
            # A scheduler's job is one process; its signals are RoundCheckpoint's business.
            plugins=[WholeCheckpoints(), LightningEnvironment()],
            enable_checkpointing=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            val_check_interval=evaluate_every,
            log_every_n_steps=rounds,
        )
        trainer.fit(method, feed, ckpt_path=_readable(checkpoint))
    if len(recorder.rows) == 0:
        raise ArchipelagoError(f"{type(method).__name__} recorded nothing in {rounds} rounds", key="method")
    return recorder.frame(), saver.cpu_seconds


def _readable(checkpoint: Path) -> Path | None:
    """The checkpoint, if there is one that can be read; a broken one is set aside, for the run can start anew."""
    if not checkpoint.exists():
        return None
    try:
        # torch.load does not look at the archive's checksums.
        with zipfile.ZipFile(checkpoint) as archive:
            if damaged := archive.testzip():
                raise ValueError(f"{damaged} is damaged")
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if not {"rows", "cpu_seconds", "state_dict"} <= content.keys():
            raise ValueError("it is no checkpoint of a run")
    except Exception as error:  # whatever a damaged archive makes torch raise
        broken = checkpoint.with_suffix(".broken")
        checkpoint.replace(broken)
        warnings.warn(f"checkpoint {broken.name} cannot be read ({error}); the run starts anew", stacklevel=2)
        return None
    return checkpoint
