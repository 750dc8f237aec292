"""A file is cut off or has a wrong bit: a message or a recomputation, never other numbers."""

import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pytest

from archipelago.address.files import write_json
from archipelago.errors import ArchipelagoError
from archipelago.partition.partition import Partition
from archipelago.studies.evaluate import collect, evaluate
from archipelago.studies.publish import publish
from archipelago.studies.study import Study
from tests.faults.conftest import Note, Trainer, Undisturbed
from tests.pipeline.conftest import ROOT

pytestmark = pytest.mark.slow

ROW = {"arm": "fedprox", "condition": "plain", "seed": 1}


def damages(content: bytes, bits: int, cuts: int) -> Iterator[tuple[str, bytes]]:
    """The content with one wrong bit, cut off, and overwritten, at random places."""
    places = random.Random(5)
    for _ in range(bits):
        changed = bytearray(content)
        changed[places.randrange(len(content))] ^= 1 << places.randrange(8)
        yield "one wrong bit", bytes(changed)
    for _ in range(cuts):
        yield "truncated", content[: places.randrange(len(content))]
    yield "emptied", b""
    yield "garbage", places.randbytes(len(content))


def read_damaged(path: Path, read: Callable[[], Any], same: Callable[[Any], bool], note: Note, name: str) -> None:
    """Damage a file in all ways; reading it gives the same, or a message that names the file or its run."""
    whole = path.read_bytes()
    for damage, content in damages(whole, 400, 100):
        path.write_bytes(content)
        try:
            assert same(read()), f"{name}, {damage}: other numbers"
            told = None
            outcome = "the same numbers"
        except ArchipelagoError as error:
            told = str(error)
            outcome = "a message with the remedy"
        except (SyntaxError, TokenError):  # NumPy reads a header as a Python literal
            told = None
            outcome = "the run fails: the header cannot be read"
        assert told is None or (path.name in told or path.parent.name in told)
        assert told is None or re.search("Delete|dvc pull", told)
        note(f"{name} is damaged", damage, outcome)
    path.write_bytes(whole)


def test_a_damaged_checkpoint_is_set_aside_and_the_run_begins_anew(
    trainer: Trainer, undisturbed: Undisturbed, note: Note
):
    trainer.attempt(at=["checkpoint: after replace", 3])
    whole = trainer.checkpoint.read_bytes()
    for damage, content in damages(whole, 8, 4):
        trainer.checkpoint.parent.mkdir(exist_ok=True)
        trainer.checkpoint.write_bytes(content)
        assert trainer.attempt()["ended"] == 0, trainer.messages.read_text()
        anew = trainer.points["checkpoint: begins"] == undisturbed.points["checkpoint: begins"]
        trainer.finish(undisturbed.folder)
        note("a checkpoint is damaged", damage, "begins anew" if anew else "goes on: the place does not matter")
        assert anew or damage == "one wrong bit"


def test_damaged_data_are_refused_before_a_run_is_trained(trainer: Trainer, undisturbed: Undisturbed, note: Note):
    labels = next(trainer.project.root.glob("data/digits-*/train_labels.npy"))
    whole = labels.read_bytes()
    for damage, content in damages(whole, 3, 1):
        labels.write_bytes(content)
        assert trainer.attempt()["ended"] == 1
        told = trainer.messages.read_text()
        assert re.search("error: study tiny: key data: .*train_labels.npy is changed. Delete that folder", told)
        assert not trainer.folder.exists()
        note("a data file is damaged", damage, "a message with the remedy")
    labels.write_bytes(whole)
    assert trainer.attempt()["ended"] == 0
    trainer.finish(undisturbed.folder)


def test_damaged_records_are_refused(undisturbed: Undisturbed, tmp_path: Path, note: Note):
    runs = tmp_path / "runs"
    shutil.copytree(undisturbed.folder, runs / undisturbed.folder.name)
    rows = [{**ROW, "key": undisturbed.folder.name}]
    table = collect(rows, runs)
    records = runs / undisturbed.folder.name / "records.parquet"
    read_damaged(records, lambda: collect(rows, runs), table.equals, note, "records.parquet")


def test_a_damaged_partition_is_refused(trainer: Trainer, tmp_path: Path, note: Note):
    path = tmp_path / "partition.npz"
    path.write_bytes((trainer.project.root / trainer.order["partition"]).read_bytes())
    whole = Partition.load(path)

    def same(read: Partition) -> bool:
        return read.clients == whole.clients and np.array_equal(read.client_of, whole.client_of)

    read_damaged(path, lambda: Partition.load(path), same, note, "a partition")


@pytest.fixture
def evaluation(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """The evaluation of one run."""
    study = Study(ROOT / "tests/pipeline/tiny.yaml").content
    folder = tmp_path / "evaluations" / "key"
    evaluate(study, [{**ROW, "key": undisturbed.folder.name}], undisturbed.folder.parent, folder)
    return folder


def test_what_is_damaged_is_not_published(evaluation: Path, tmp_path: Path, note: Note):
    figures = tmp_path / "figures/key/index.json"
    write_json(figures, [])
    table, verdicts = evaluation / "runs.parquet", evaluation / "verdicts.json"
    marker = tmp_path / "view/tiny/provenance-key.json"
    for path in (table, verdicts):
        whole = path.read_bytes()
        for damage, content in damages(whole, 100, 20):
            path.write_bytes(content)
            with pytest.raises(ArchipelagoError, match=f"{path.name} is damaged. Delete"):
                publish(table, verdicts, figures, {"runs": []}, marker)
            assert not marker.exists()
            note(f"{path.name} is damaged", damage, "a message with the remedy, nothing is published")
        path.write_bytes(whole)
    publish(table, verdicts, figures, {"runs": []}, marker)
    assert (marker.parent / "verdicts.json").read_bytes() == verdicts.read_bytes()
