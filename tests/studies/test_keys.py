"""Which keys are wanted: a scale that only one study names must not be collected as left over."""

import json
from pathlib import Path

from archipelago.studies.keys import wanted_keys
from archipelago.studies.plan import Plan
from archipelago.studies.study import read_yaml

ROOT = Path(__file__).parents[2]
CONFIG = read_yaml(ROOT / "config/config.yaml")


def test_runs_of_every_scale_and_of_the_tuning_are_wanted():
    wanted = wanted_keys(CONFIG, ROOT)
    for studies, scale in (("flagship", "desk"), ("all", "desk"), ("all", "smoke"), (["fedspeed"], "long")):
        plan = Plan({**CONFIG, "studies": studies, "scale": scale}, ROOT)
        assert plan.runs.keys() | plan.partitions.keys() <= wanted, (studies, scale)


def test_runs_that_decided_a_committed_tuning_are_wanted():
    wanted = wanted_keys(CONFIG, ROOT)
    for path in ROOT.glob("results/desk/*/tuning-*.json"):
        assert {run["key"] for run in json.loads(path.read_text())["runs"]} <= wanted


def test_runs_on_other_seeds_are_not_wanted():
    plan = Plan({**CONFIG, "studies": ["fedspeed"], "seeds": [1000]}, ROOT)
    rows = {row.run.key for row in plan.study("fedspeed").rows}
    assert not rows & wanted_keys(CONFIG, ROOT)
