"""The workflow itself, run for real on a tiny study."""

import json
import re
import shutil
import sqlite3

import pandas as pd
import pytest
import yaml

from tests.pipeline.conftest import ROOT, Project

pytestmark = pytest.mark.slow


def test_the_main_job_leaves_a_scoreboard_figures_a_site_and_a_tracking_store(finished: Project):
    view = finished.root / "results/flagship/tiny"
    verdicts = json.loads((view / "verdicts.json").read_text())["hypotheses"]
    assert verdicts["H1"]["n"] == 3
    table = pd.read_parquet(view / "runs.parquet")
    assert set(map(tuple, table[["arm", "condition", "seed"]].drop_duplicates().to_numpy())) == {
        (arm, "plain", seed) for arm in ("fedavg", "fedprox") for seed in (1, 2, 3)
    }
    assert (table.groupby("key", observed=True)["round"].max() == 6).all()
    drift = table[table["round"] == 6].groupby("arm", observed=True)["client_drift"].mean()
    assert verdicts["H1"]["effect"] == pytest.approx(drift["fedprox"] - drift["fedavg"])
    assert {path.name for path in view.glob("*.svg")} == {"accuracy.svg", "effects.svg"}
    assert "H1" in (finished.root / "results/store/site/flagship/index.html").read_text()
    with sqlite3.connect(finished.root / "results/store/mlflow/mlflow.db") as store:
        tags = store.execute("select value from tags where key = 'run_key'").fetchall()
    assert len({key for (key,) in tags} & set(table["key"])) == 6
    board = finished.run("archipelago", "scoreboard")
    assert "H1" in board
    assert verdicts["H1"]["verdict"] in board


def test_a_second_run_has_nothing_to_do(finished: Project):
    assert finished.jobs() == set()


@pytest.mark.parametrize(
    ("path", "old", "new", "jobs"),
    [
        (
            "config/studies/tiny.yaml",
            "{mu: 1.0}}}\n",
            "{mu: 2.0}}}\n",
            {"train_tiny_plain_fedprox", "evaluate", "plot", "publish", "track", "site"},
        ),
        (
            "src/archipelago/methods/federated/fedprox.py",
            "alpha=self.mu",
            "alpha=self.mu * 2",
            {"train_tiny_plain_fedprox", "evaluate", "plot", "publish", "track", "site"},
        ),
        ("src/archipelago/methods/federated/fedavg.py", '"""The trained model."""', '"""What was trained."""', set()),
        ("src/archipelago/methods/federated/scaffold.py", "= -client.received", "= -2 * client.received", set()),
        ("src/archipelago/population/flat.py", "import torch\n", "# a comment\nimport torch\n", set()),
        (
            "config/studies/tiny.yaml",
            "at_most: 0,",
            "at_most: -0.1,",
            {"evaluate", "plot", "publish", "track", "site"},
        ),
        (
            "config/studies/tiny.yaml",
            "title: Accuracy by round",
            "title: Accuracy",
            {"plot", "publish", "track", "site"},
        ),
        ("config/studies/tiny.yaml", "alpha: 0.1}", "alpha: 0.2}", {"site"}),
    ],
)
def test_a_change_re_runs_what_depends_on_it_and_nothing_else(finished: Project, path, old, new, jobs):
    before = (finished.root / path).read_text()
    finished.edit(path, old, new)
    try:
        assert finished.jobs() == jobs
    finally:
        (finished.root / path).write_text(before)


def test_one_arm_one_seed_and_a_scale_can_be_named_and_leave_other_results_alone(finished: Project):
    shown = sorted((finished.root / "results/flagship/tiny").iterdir())
    told = finished.jobs("--config", "studies=tiny", "arms=fedprox", "seeds=[1000]")
    assert told == {
        "partition",
        "train_tiny_plain_fedprox",
        "train_tiny_skewed_fedprox",
        "evaluate",
        "plot",
        "publish",
        "track",
        "site",
    }
    finished.snakemake("--config", "studies=tiny", "scale=smoke", "arms=fedprox", "seeds=[7]")
    view = finished.root / "results/other/smoke-fedprox-7/tiny"
    verdicts = json.loads((view / "verdicts.json").read_text())["hypotheses"]
    assert verdicts["H1"]["verdict"] == "not run"
    assert sorted((finished.root / "results/flagship/tiny").iterdir()) == shown
    assert finished.jobs() == set()


def test_results_of_two_projects_are_equal(finished: Project, project: Project):
    project.snakemake(
        "--config", "studies=tiny", "arms=fedavg", "conditions=plain", "seeds=[2]", "checkpoint_seconds=0"
    )
    (folder,) = (project.root / "results/store/runs").iterdir()
    twin = finished.root / "results/store/runs" / folder.name
    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "records.parquet"), pd.read_parquet(twin / "records.parquet")
    )


def test_tuning_records_every_candidate_and_the_scores_that_decided(finished: Project):
    finished.snakemake("tune")
    (file,) = (finished.root / "results/desk/tiny").glob("tuning-*.json")
    search = json.loads(file.read_text())["search"]
    assert [(s["arm"], len(s["candidates"])) for s in search] == [("fedavg", 2), ("fedprox", 2)]
    for one in search:
        best = max(one["candidates"], key=lambda candidate: candidate["score"])
        assert one["chosen"] == best["init_args"]


def test_old_keys_are_listed_and_collected(finished: Project):
    old = finished.root / "results/store/runs/0123456789abcdef0123"
    shutil.copytree(next((finished.root / "results/store/runs").iterdir()), old)
    told = finished.run("archipelago", "keys")
    assert any(old.name in line and "left over" in line for line in told.splitlines())
    finished.run("archipelago", "keys", "--collect")
    assert not old.exists()
    assert finished.jobs() == set()


def test_the_workflow_is_clean(finished: Project):
    assert "Congratulations" in finished.snakemake("--lint")


def test_snakemake_s_own_report_is_made_offline(finished: Project):
    finished.snakemake("--report", "report.html")
    assert "What was claimed, what was measured" in (finished.root / "report.html").read_text()


def test_the_slurm_profile_is_found_by_its_name(finished: Project):
    assert "Nothing to be done" in finished.run(
        "snakemake", "--profile", "slurm", "--dry-run", "--config", "checkpoint_seconds=5"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rounds: 6", "rounds: six", r"study tiny: key base.rounds: 'six' is not allowed: want integer"),
        ("rounds: 6", "round: 6", r"study tiny: key base.round: unknown key. Did you mean 'rounds'"),
        (
            "lr: 0.1, local",
            "lrr: 0.1, local",
            r"study tiny: key arms.fedavg.method.init_args.lrr: FedAvg takes no 'lrr'",
        ),
        ("mu: 1.0}}}\n", "mu: big}}}\n", r"study tiny: key arms.fedprox.method.init_args"),
        ("fedprox.FedProx", "fedprox.FedPox", r"study tiny: key arms.fedprox.method.class_path: no class"),
        ("federated.fedprox.", "federated.fedpox.", r"study tiny: key class_path: no module"),
        ("against: fedavg", "against: fedavgg", r"study tiny: .*H1.*fedavgg.*Did you mean 'fedavg'"),
        ("data: digits", "data: digitz", r"study tiny: key data: there is no data set 'digitz'. Did you mean 'digits'"),
        ("kind: curves", "kind: curve", r"study tiny: key figures.accuracy.kind"),
        ("slug: tiny", "slug: tiny\nslug: tinier", r"study tiny: .*key 'slug' stands twice"),
        ("seeds: [1, 2]}]}", "seeds: [1, -2]}]}", r"study tiny: key scales.smoke.blocks.0.seeds.1: -2 is not allowed"),
    ],
)
def test_a_mistake_in_a_study_is_one_message_before_any_compute(finished: Project, old, new, message):
    path = finished.root / "config/studies/tiny.yaml"
    before = path.read_text()
    finished.edit("config/studies/tiny.yaml", old, new)
    try:
        told = finished.snakemake("--dry-run", ok=False)
    finally:
        path.write_text(before)
    assert re.search(message, told), told[-2000:]
    assert "Traceback" not in told


def test_a_mistake_on_the_command_line_is_one_message(finished: Project):
    told = finished.snakemake("--dry-run", "--config", "studies=tinny", ok=False)
    assert "there is no study 'tinny'. Did you mean 'tiny'?" in told
    told = finished.snakemake("--dry-run", "--config", "studies=tiny", "arms=[fedavgg]", ok=False)
    assert "study tiny: key arms: there is no 'fedavgg' among the arms. Did you mean 'fedavg'?" in told
    assert "Traceback" not in told


def test_the_conda_environment_takes_every_version_from_the_lock():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = content["dependencies"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    assert [name.partition("=")[0] for name in conda] == ["python", "pip"]
