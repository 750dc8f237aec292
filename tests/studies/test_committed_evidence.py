"""What is committed in ``results/desk`` follows from its tables, and is that of the studies as they stand."""

from pathlib import Path

import pytest

from archipelago.studies.audit import differences
from archipelago.studies.plan import Plan
from archipelago.studies.study import read_yaml

ROOT = Path(__file__).parents[2]
COMMITTED = sorted(path.parent.name for path in ROOT.glob("results/desk/*/runs.parquet"))


def test_every_study_has_committed_evidence():
    assert sorted(path.stem for path in (ROOT / "config/studies").glob("*.yaml")) == COMMITTED


@pytest.mark.slow
@pytest.mark.parametrize("slug", COMMITTED)
def test_verdicts_and_figures_follow_from_the_table(slug):
    assert list(differences(slug, ROOT)) == []


@pytest.mark.parametrize("slug", COMMITTED)
def test_the_evidence_is_that_of_the_study_and_the_code_as_they_stand(slug):
    plan = Plan({**read_yaml(ROOT / "config/config.yaml"), "studies": [slug]}, ROOT)
    assert (ROOT / plan.study(slug).marker).exists()


@pytest.mark.parametrize("slug", COMMITTED)
def test_a_table_is_small(slug):
    assert (ROOT / f"results/desk/{slug}/runs.parquet").stat().st_size < 600_000
