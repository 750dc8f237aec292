"""A run's key covers all that determines it: a real run is watched for modules and files that it does not know."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from archipelago.address.closure import CodeBase
from archipelago.data.prepare import prepare
from archipelago.partition.make import make_partition
from archipelago.studies.plan import TRAINING, Plan, known_studies
from archipelago.studies.study import class_paths, read_yaml

ROOT = Path(__file__).parents[2]

WATCH = """
import json, sys
opened = set()
def note(event, args):
    if event == "open" and "r" in str(args[1] or "r"):
        opened.add(str(args[0]))
sys.addaudithook(note)
order, checkpoint_every = json.load(sys.stdin)
from archipelago.studies.train import train
train(order, checkpoint_every)
tops = {name for name in sys.modules if name.split(".")[0] == "archipelago"}
print("WATCHED" + json.dumps({"modules": sorted(tops), "opened": sorted(opened)}))
"""


def smoke_plan(slug: str) -> Plan:
    config = read_yaml(ROOT / "config/config.yaml")
    return Plan({**config, "studies": [slug], "scale": "smoke"}, ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("slug", known_studies(ROOT))
def test_a_run_loads_no_module_and_opens_no_file_that_its_key_does_not_cover(slug, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    plan = smoke_plan(slug)
    run = plan.studies[0].rows[0].run
    prepare(run.card.name)
    order = {**run.order(), "folder": str(tmp_path / "run"), "origin": {}}
    if run.partition:
        labels = np.load(run.card.folder / "train_labels.npy")
        make_partition(run.spec["partition"], labels, run.spec["seed"]).save(tmp_path / "partition.npz")
        order["partition"] = str(tmp_path / "partition.npz")
    done = subprocess.run(
        [sys.executable, "-c", WATCH], input=json.dumps([order, 30]), capture_output=True, text=True, check=False
    )
    assert "WATCHED" in done.stdout, done.stderr[-2000:]
    seen = json.loads(done.stdout.rpartition("WATCHED")[2])

    code = CodeBase(ROOT / "src", "archipelago")
    trained = {name: value for name, value in run.spec.items() if name != "partition"}
    roots = [TRAINING, *(code.module_of(path) for path in class_paths(trained))]
    covered = code.closure(roots).modules
    assert set(seen["modules"]) <= covered.keys()

    data = [run.card.folder, Path("config/data")]
    unknown = []
    for name in seen["opened"]:
        path = Path(name)
        inside = path if not path.is_absolute() else path.relative_to(ROOT) if path.is_relative_to(ROOT) else None
        if inside is None or inside.parts[:1] in ((".venv",), (".git",)) or path.is_dir():
            continue  # the interpreter's and the packages' own files, and scratch
        is_code = inside.suffix in (".py", ".pyc") and inside.parts[0] == "src"
        if not is_code and not any(inside.is_relative_to(folder) for folder in data) and "work" not in inside.parts:
            unknown.append(str(inside))
    assert unknown == []


def test_what_a_run_is_called_is_not_in_its_key():
    plan = Plan({**read_yaml(ROOT / "config/config.yaml"), "studies": ["fedspeed"]}, ROOT)
    keys = {(row.cell.arm, row.cell.seed): row.run.key for row in plan.studies[0].rows if row.cell.condition == "mlp"}
    assert keys["no_prox", 1] == keys["fedsam", 1]
    assert keys["fedavg", 1] != keys["fedavg", 2]
