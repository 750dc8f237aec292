"""What happens around a training: it is done once, cleaned up after, and its code is that of its key."""

import errno
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from archipelago.address.closure import CodeBase
from archipelago.errors import ArchipelagoError
from archipelago.studies import batches
from archipelago.studies.batches import train_all, train_once
from archipelago.studies.plan import TRAINING

ROOTS = [TRAINING]


@pytest.fixture
def order(tmp_path, monkeypatch):
    """An order for a run that is never built: `train` is replaced by what a test says."""
    monkeypatch.chdir(tmp_path)
    code = CodeBase(Path(batches.__file__).parents[2], "archipelago").closure(ROOTS).key
    monkeypatch.setattr(batches, "verify", lambda name: None)
    return {
        "key": "k",
        "parts": {"code": code, "spec": {"data": "digits"}},
        "folder": "results/store/runs/k",
        "roots": ROOTS,
    }


def finish(order, _):
    folder = Path(order["folder"])
    folder.mkdir(parents=True)
    (folder / "records.parquet").write_text(json.dumps(order["origin"]))


def test_the_origin_names_the_commit_and_every_module_of_the_closure(order, monkeypatch, tmp_path):
    monkeypatch.setattr(batches, "train", finish)
    train_once(order, 0)
    origin = json.loads((tmp_path / "results/store/runs/k/records.parquet").read_text())
    assert origin["modules"].keys() >= {"archipelago.studies.train", "archipelago.studies.fit", "archipelago.errors"}
    assert "archipelago.studies.batches" not in origin["modules"]
    assert "torch" in origin["packages"]
    assert len(origin["commit"]) == 40 or origin["commit"] == "not in git"


def test_code_that_is_no_longer_that_of_the_key_is_refused(order, monkeypatch):
    monkeypatch.setattr(batches, "train", finish)
    with pytest.raises(ArchipelagoError, match="code was changed after snakemake"):
        train_all([{**order, "parts": {**order["parts"], "code": "another"}}], "fedspeed", 0)


def test_two_who_train_the_same_run_train_it_once(order, monkeypatch, tmp_path):
    trained = []

    def slow(order, every):
        trained.append(order["key"])
        time.sleep(0.3)
        finish(order, every)

    monkeypatch.setattr(batches, "train", slow)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: train_once(order, 0), range(4)))
    assert trained == ["k"]
    assert list((tmp_path / "results/work").iterdir()) == []


def test_what_killed_processes_left_is_cleaned_up(order, monkeypatch, tmp_path):
    monkeypatch.setattr(batches, "train", finish)
    work = tmp_path / "results/work/k"
    left = tmp_path / "results/store/runs/.k.12ab34cd.part"
    for folder in (work, left):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    other = tmp_path / "results/store/runs/.k2.12ab34cd.part"
    other.mkdir()
    train_once(order, 0)
    assert not work.exists()
    assert not left.exists()
    assert other.exists()


def test_a_folder_without_records_is_no_run(order, monkeypatch, tmp_path):
    monkeypatch.setattr(batches, "train", finish)
    folder = tmp_path / "results/store/runs/k"
    folder.mkdir(parents=True)
    (folder / "model.pt").touch()
    train_once(order, 0)
    assert {file.name for file in folder.iterdir()} == {"records.parquet", "SHA256SUMS"}


def test_data_that_were_changed_under_the_run_are_refused(order, monkeypatch, tmp_path):
    def damaged(name):
        raise ArchipelagoError(f"{name} is changed", key="data")

    monkeypatch.setattr(batches, "train", finish)
    monkeypatch.setattr(batches, "verify", damaged)
    batches._sound.cache_clear()
    with pytest.raises(ArchipelagoError, match="digits is changed"):
        train_all([order], "fedspeed", 0)
    assert not (tmp_path / "results/store/runs/k").exists()


def test_a_run_that_fails_does_not_keep_the_next_from_being_trained(order, monkeypatch, tmp_path):
    def first_fails(order, every):
        if order["key"] == "a":
            raise ValueError("shapes differ")
        finish(order, every)

    monkeypatch.setattr(batches, "train", first_fails)
    both = [{**order, "key": key, "folder": f"results/store/runs/{key}"} for key in "ab"]
    with pytest.raises(ArchipelagoError, match=r"study fedspeed: key runs: 1 of 2 runs failed, .* a: .*shapes differ"):
        train_all(both, "fedspeed", 0)
    assert (tmp_path / "results/store/runs/b/records.parquet").exists()


def test_a_full_disk_ends_the_batch_at_once_and_is_named(order, monkeypatch):
    tried = []

    def full(order, _):
        tried.append(order["key"])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(batches, "train", full)
    with pytest.raises(ArchipelagoError, match=r"study fedspeed: key results: the disk is full.* Make room"):
        train_all([{**order, "key": key} for key in "ab"], "fedspeed", 0)
    assert tried == ["a"]
