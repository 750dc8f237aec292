"""A killed run goes on from its last round and ends bit for bit as if nothing had happened."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pandas as pd
import pytest

PROGRAM = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import pytorch_lightning as pl, torch
    from torch.utils.data import DataLoader
    from archipelago.population.rounds import RoundModule, Rounds
    from archipelago.randomness import torch_stream
    from archipelago.studies.fit import fit

    folder, kill_at, how, every = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4])

    class Walk(RoundModule):
        def __init__(self, seed):
            super().__init__(seed)
            self.register_buffer("place", torch.zeros(5))

        def training_step(self, item, i):
            assert item == self.round
            self.place = 0.9 * self.place + torch.randn(5, generator=torch_stream(self.seed, "walk", item))
            self.record(sum=self.place.sum().item())
            if self.round == kill_at:
                os.kill(os.getpid(), getattr(signal, how))

        def validation_step(self, batch, i):
            self.record_row({"half": self.round // 2}, product=self.place.prod().item())

    class Feed(pl.LightningDataModule):
        def train_dataloader(self):
            return Rounds(12, lambda round: round)

        def val_dataloader(self):
            return DataLoader([0], batch_size=None)

    frame, _ = fit(Walk(3), Feed(), rounds=12, evaluate_every=3, checkpoint=folder / "ckpt", checkpoint_every=every)
    frame.to_parquet(folder / "frame.parquet")
    """
)


def run(folder: Path, kill_at: int = 0, how: str = "SIGKILL", every: float = 0) -> int:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", PROGRAM, str(folder), str(kill_at), how, str(every)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, env=environment, check=False).returncode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run(folder) == 0
    return pd.read_parquet(folder / "frame.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("kills", [[1], [3, 4], [6, 12], [2, 5, 7, 9, 11]])
def test_a_killed_run_ends_with_the_same_numbers(undisturbed, tmp_path, kills):
    for kill_at in kills:
        assert run(tmp_path, kill_at) == -signal.SIGKILL
    assert run(tmp_path) == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "frame.parquet"), undisturbed, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGTERM", "SIGUSR1"])
def test_a_warned_run_saves_the_round_it_is_in(undisturbed, tmp_path, how):
    assert run(tmp_path, 6, how, every=1e9) == 128 + getattr(signal, how)
    assert (tmp_path / "ckpt").exists()
    # Rounds up to 6 are not repeated: a second warning at round 6 never comes.
    assert run(tmp_path, 6, how, every=1e9) == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "frame.parquet"), undisturbed, check_exact=True)


def truncated(content: bytes) -> bytes:
    return content[:1000]


def one_bit_flipped(content: bytes) -> bytes:
    """In the state's own numbers, where no parser would stumble over it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (place,) = (member for member in archive.infolist() if member.filename.endswith("data/0"))
    at = place.header_offset + 30 + len(place.filename) + 64
    while content[at] == 0:
        at += 1
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("damage", [truncated, one_bit_flipped])
def test_a_broken_checkpoint_is_set_aside_and_the_run_starts_anew(undisturbed, tmp_path, damage):
    run(tmp_path, 6)
    checkpoint = tmp_path / "ckpt"
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    assert run(tmp_path) == 0
    assert (tmp_path / "ckpt.broken").exists()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "frame.parquet"), undisturbed, check_exact=True)
