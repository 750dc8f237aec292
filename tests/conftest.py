"""A federation small enough for a unit test: six clients of 4 to 24 samples, three classes of 4x4 images."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from playwright.sync_api import Browser, sync_playwright

from archipelago.data.sets import Images
from archipelago.federation import Cohorts, Federation
from archipelago.gossip.batches import NodeBatches
from archipelago.gossip.broadcast import Broadcast
from archipelago.models.dense import MLP
from archipelago.partition.partition import Partition
from archipelago.studies.fit import fit
from tests.machine import program

Fit = Callable[..., pd.DataFrame]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def images() -> Images:
    """Images whose class shows: 100 to train on, 30 to test."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=130)
    pixels = rng.integers(0, 120, size=(130, 4, 4)) + 60 * labels[:, None, None] * (np.arange(4) == 1)
    grey, classes = torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels)
    return Images("tiny", grey[:100], classes[:100], grey[100:], classes[100:], classes=3, mean=70.0, std=45.0)


@pytest.fixture
def partition() -> Partition:
    """84 of the 100 samples, in lots of 4, 8, 12, 16, 20 and 24, scattered; nobody holds the rest."""
    client_of = np.repeat(np.arange(-1, 6, dtype=np.int32), [16, 4, 8, 12, 16, 20, 24])
    return Partition(np.random.default_rng(1).permutation(client_of), 6)


@pytest.fixture
def feed(images: Images, partition: Partition) -> Callable[..., Cohorts]:
    """Make the tiny federation's feed; half of the clients take part."""

    def make(rounds: int, seed: int = 3, participation: float = 0.5, **init_args: Any) -> Cohorts:
        return Cohorts(
            data=images, partition=partition, rounds=rounds, seed=seed, participation=participation, **init_args
        )

    return make


@pytest.fixture
def make_method() -> Callable[..., Federation]:
    """Make a method of the given class, with the model's initial weights always the same."""

    def make(method: type[Federation], seed: int = 3, **init_args: Any) -> Federation:
        torch.manual_seed(7)
        common = {
            "lr": 0.2,
            "local_epochs": 2,
            "batch_size": 5,
            "weight_decay": 1e-2,
            "clip_norm": 1.0,
            "lr_decay": 0.9,
        }
        return method(model=MLP(16, [8], 3), seed=seed, **{**common, "weighting": "uniform", **init_args})

    return make


@pytest.fixture
def train(feed: Callable[..., Cohorts], tmp_path: Path) -> Fit:
    """Train a method in the tiny federation and return its records."""

    def run(method: Federation, rounds: int = 4, participation: float = 0.5, evaluate_every: int = 1) -> pd.DataFrame:
        checkpoint = tmp_path / "none.ckpt"
        lessons = feed(rounds, participation=participation)
        return fit(method, lessons, rounds=rounds, evaluate_every=evaluate_every, checkpoint=checkpoint)[0]

    return run


@pytest.fixture
def make_peers() -> Callable[..., Broadcast]:
    """Make a gossip method of the given class, with the model's initial weights always the same."""

    def make(method: type[Broadcast], seed: int = 3, **init_args: Any) -> Broadcast:
        torch.manual_seed(7)
        return method(model=MLP(16, [8], 3), seed=seed, **{"gamma0": 0.3, "l2": 1e-2, **init_args})

    return make


@pytest.fixture
def train_peers(images: Images, partition: Partition, tmp_path: Path) -> Fit:
    """Train a gossip method on the six clients and return its records; a named checkpoint is gone on from."""
    anew = count()

    def run(
        method: Broadcast, rounds: int = 4, evaluate_every: int = 1, checkpoint: str | None = None, **how: Any
    ) -> pd.DataFrame:
        lessons = NodeBatches(data=images, partition=partition, rounds=rounds, seed=method.seed, batch_size=5, **how)
        return fit(
            method,
            lessons,
            rounds=rounds,
            evaluate_every=evaluate_every,
            checkpoint=tmp_path / (checkpoint or f"{next(anew)}.ckpt"),
            checkpoint_every=0.0,
        )[0]

    return run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; one for all, since Playwright's second loop in a process is refused."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=QUIET)
        yield chromium
        chromium.close()
