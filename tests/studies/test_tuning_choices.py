"""What tuning chose is what the arms have."""

import json
from pathlib import Path

import pytest

from archipelago.studies.plan import Plan
from archipelago.studies.study import Study, read_yaml

ROOT = Path(__file__).parents[2]
TUNED = sorted(ROOT.glob("results/desk/*/tuning-*.json"))


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.parent.name)
def test_every_arm_has_what_its_tuning_chose(path):
    study = Study(ROOT / "config" / "studies" / f"{path.parent.name}.yaml")
    for search in json.loads(path.read_text())["search"]:
        scored = [c for c in search["candidates"] if c["score"] is not None]
        if not scored:  # every candidate diverged: the arm keeps its default
            assert search["chosen"] is None
            continue
        best = max(scored, key=lambda c: c["score"])
        assert search["chosen"] == best["init_args"]
        for condition in search["conditions"]:
            init_args = study.spec("desk", search["arm"], condition, 1)["method"]["init_args"]
            assert {name: init_args[name] for name in search["chosen"]} == search["chosen"], (search["arm"], condition)


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.parent.name)
def test_the_committed_tuning_is_that_of_the_study_as_it_stands(path):
    slug = path.parent.name
    plan = Plan({**read_yaml(ROOT / "config/config.yaml"), "studies": [slug]}, ROOT)
    tuning = plan.study(slug).tuning
    assert tuning is not None
    assert path.name == f"tuning-{tuning.key}.json"


@pytest.mark.parametrize("slug", sorted(path.stem for path in (ROOT / "config/studies").glob("*.yaml")))
def test_tuning_and_test_seeds_are_apart(slug):
    study = Study(ROOT / "config" / "studies" / f"{slug}.yaml")
    tuned = set(study.content["tuning"]["seeds"])
    assert all(not tuned & set(block["seeds"]) for block in study.scale("desk")["blocks"])
