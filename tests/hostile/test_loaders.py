"""Files from elsewhere are data: nothing in them runs, whatever they hold."""

import ast
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml

from archipelago.data.cards import Card
from archipelago.data.prepare import verify
from archipelago.data.sets import load
from archipelago.data.sources import beside_card
from archipelago.errors import ArchipelagoError
from archipelago.methods.federated.fedavg import FedAvg
from archipelago.partition.partition import Partition
from archipelago.studies.evaluate import read_table
from archipelago.studies.fit import WholeCheckpoints, fit

ROOT = Path(__file__).parents[2]


class Mine:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mine(tmp_path):
    """The object; when a test ends nothing has unpickled it."""
    mine = Mine(tmp_path / "sprung")
    yield mine
    assert not mine.mark.exists()


@pytest.fixture
def objects(mine):
    """An array that NumPy can only store as a pickle."""
    array = np.empty(4, dtype=object)
    array[:] = mine
    return array


def test_the_mine_works(tmp_path):
    mine = Mine(tmp_path / "sprung")
    pickle.loads(pickle.dumps(mine))
    assert mine.mark.exists()


def checkpoints(path, mine):
    """Ways to put the object into a checkpoint."""
    yield path.write_bytes(pickle.dumps({"state_dict": mine, "rows": [], "cpu_seconds": 0.0}))
    yield torch.save({"state_dict": {"x": mine}, "rows": [mine], "cpu_seconds": 0.0}, path)
    yield torch.save({"state_dict": mine}, path, _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("round/data.pkl", pickle.dumps(mine))
        archive.writestr("round/version", "3\n")
    yield


def test_a_checkpoint_runs_nothing_and_the_run_starts_anew(make_method, feed, tmp_path, mine):
    plain, _ = fit(make_method(FedAvg), feed(2), rounds=2, evaluate_every=1, checkpoint=tmp_path / "none.ckpt")
    path = tmp_path / "round.ckpt"
    for _ in checkpoints(path, mine):
        with pytest.raises(Exception, match=r"."):
            WholeCheckpoints().load_checkpoint(path)
        with pytest.warns(UserWarning, match="the run starts anew"):
            frame, _ = fit(make_method(FedAvg), feed(2), rounds=2, evaluate_every=1, checkpoint=path)
        pd.testing.assert_frame_equal(frame, plain)
        assert not path.exists()


def test_a_partition_runs_nothing(tmp_path, objects):
    path = tmp_path / "p.npz"
    np.savez(path, client_of=objects, clients=np.int64(4))
    with pytest.raises(ArchipelagoError, match="cannot read a partition"):
        Partition.load(path)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"x" * 100])
def test_a_broken_partition_is_told(tmp_path, content):
    path = tmp_path / "p.npz"
    path.write_bytes(content)
    with pytest.raises(ArchipelagoError, match="cannot read a partition"):
        Partition.load(path)


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A card whose prepared files are those that a test puts into its folder."""
    monkeypatch.chdir(tmp_path)
    files = dict.fromkeys(("test_images.npy", "test_labels.npy", "train_images.npy", "train_labels.npy"), "0" * 64)
    texts = dict.fromkeys(("title", "description", "licence", "homepage", "split"), "none")
    content = {
        "name": "odd",
        "kind": "images",
        "size": {"classes": 2},
        "mean": 0.0,
        "std": 1.0,
        "files": files,
        **texts,
    }
    content["sources"] = [{"name": "beside card", "file": "odd.npz"}]
    Path("config/data").mkdir(parents=True)
    Path("config/data/odd.yaml").write_text(yaml.safe_dump(content))
    card = Card(**content)
    card.folder.mkdir(parents=True)
    return card


def test_prepared_data_run_nothing_and_are_not_what_the_card_says(card, objects):
    for file in card.files:
        np.save(card.folder / file, objects, allow_pickle=True)
    with pytest.raises(ArchipelagoError, match=r"train_images\.npy is changed"):
        verify("odd")
    with pytest.raises((ArchipelagoError, ValueError), match=r"."):
        load("odd")


def test_data_beside_a_card_run_nothing(card, objects):
    np.savez(card.root / "odd.npz", edges=objects)
    with pytest.raises(ArchipelagoError, match=r"cannot read .*odd\.npz"):
        beside_card(card, {"file": "odd.npz"}, Path("scratch"))


def test_data_beside_a_card_name_no_file_outside(card):
    with zipfile.ZipFile(card.root / "odd.npz", "w") as archive, archive.open("../../outside.npy", "w") as file:
        np.lib.format.write_array(file, np.zeros(3))
    with pytest.raises(ArchipelagoError, match="no array is called"):
        beside_card(card, {"file": "odd.npz"}, Path("scratch"))


def tables(path, mine):
    """Ways to put a pickle into a table."""
    code = pickle.dumps(mine)
    path.write_bytes(code)
    yield "told"
    path.write_bytes(b"PAR1" + code + b"PAR1")
    yield "told"
    # What the versions of pyarrow before 14.0.1 unpickled (CVE-2023-47248).
    extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": code}
    column = pa.field("loss", pa.float64(), metadata=extension)
    pq.write_table(pa.table([pa.array([1.0])], schema=pa.schema([column])), path)
    yield "read"
    for told in (code, b"{", b'{"columns": [], "index_columns": [{"kind": "pickle"}]}', b"[]"):
        schema = pa.schema([pa.field("loss", pa.float64())], metadata={b"pandas": told})
        pq.write_table(pa.table([pa.array([1.0])], schema=schema), path)
        yield "either"


def test_a_table_runs_nothing(tmp_path, mine):
    path = tmp_path / "runs.parquet"
    for expected in tables(path, mine):
        try:
            table = read_table(path)
        except ArchipelagoError as error:
            assert expected != "read"
            assert "runs.parquet cannot be read" in str(error)  # noqa: PT017
        else:
            assert expected != "told"
            assert list(table["loss"]) == [1.0]


FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "runpy", "code"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_METHODS = {"system", "popen", "read_pickle", "unsafe_load", "full_load", "load_all"}
DEMANDED = {("torch", "load"): ("weights_only", True), ("np", "load"): ("allow_pickle", False)}
IMPORTERS = {"studies/build.py", "studies/arguments.py", "partition/make.py"}
"""Modules that import by a name from a config."""


def unsafe(tree, where):
    """What a module does that could run what a file or a config holds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"import {name}" for name in names if name.partition(".")[0] in FORBIDDEN_MODULES)
        if (
            isinstance(node, ast.Attribute)
            and node.attr in FORBIDDEN_METHODS
            and ast.unparse(node) != "platform.system"
        ):
            yield ast.unparse(node)
        if not isinstance(node, ast.Call):
            continue
        given = {keyword.arg: getattr(keyword.value, "value", ...) for keyword in node.keywords}
        if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            yield ast.unparse(node)
        if given.get("shell") not in (None, False):
            yield ast.unparse(node)
        name = tuple(ast.unparse(node.func).rsplit(".", 1))
        if name in DEMANDED and given.get(DEMANDED[name][0], ...) is not DEMANDED[name][1]:
            yield ast.unparse(node)
        if name == ("yaml", "load") and "Loader" not in given:
            yield ast.unparse(node)
        if name[-1] == "import_module" and where not in IMPORTERS:
            yield ast.unparse(node)


SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_could_run_what_a_file_holds(path):
    where = str(path.relative_to(ROOT)).removeprefix("src/archipelago/")
    assert list(unsafe(ast.parse(path.read_text()), where)) == []


def test_the_rules_run_scripts_and_no_shell():
    for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        assert not re.search(r"^\s*(shell|run)\s*:|\b(eval|exec|pickle|os\.system|os\.popen)\b", path.read_text(), re.M)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "yaml.unsafe_load(text)",
        "pd.read_pickle(path)",
        "subprocess.run('ls', shell=True)",
        "os.system('ls')",
        "eval('1')",
        "importlib.import_module(name)",
    ],
)
def test_what_is_forbidden_would_be_found(line):
    assert list(unsafe(ast.parse(line), "anywhere.py"))
