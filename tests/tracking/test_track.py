"""Logging to MLflow: what is there afterwards, that it is there once, and that it can be moved."""

import json
import math
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from archipelago.errors import ArchipelagoError
from archipelago.tracking import DEFAULT_URI, Summary, serve, track
from archipelago.tracking.store import connect
from tests.tracking.study import (
    PICTURE,
    STORE,
    all_runs_ever,
    by_level,
    log,
    make_figures,
    make_run,
    make_runs,
    make_study,
    opened,
)


def copy(tracked, to):
    """The same repository, elsewhere."""
    root, runs = tracked
    shutil.copytree(root, to)
    return to, [replace(run, folder=to / run.folder.relative_to(root)) for run in runs]


def test_seeds_lie_below_their_arm_and_arms_below_the_study(tracked):
    with opened(tracked[0]) as (_, runs):
        arms, seeds = by_level(runs, "arm"), by_level(runs, "seed")
        study = by_level(runs, "study")["study"]
    assert {arm.data.tags["mlflow.parentRunId"] for arm in arms.values()} == {study.info.run_id}
    assert set(arms) == {"fedavg / dirichlet", "fedspeed / dirichlet"}
    assert len(seeds) == 4
    for name, seed in seeds.items():
        assert seed.data.tags["mlflow.parentRunId"] == arms[name.rpartition(" / ")[0]].info.run_id
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_seed_tells_where_it_comes_from(tracked):
    root, (run, *_) = tracked
    with opened(root) as (_, runs):
        seed = by_level(runs, "seed")["fedavg / dirichlet / seed 1"]
    expected = {"run_key": run.key, "study": "fedspeed", "arm": "fedavg", "condition": "dirichlet", "seed": "1"}
    expected |= {
        "scale": "desk",
        "git_commit": "c0ffee",
        "diverged": "false",
        "folder": f"results/store/runs/{run.key}",
    }
    expected |= {"data_checksum": run.data_checksum, "partition_checksum": run.partition_checksum}
    assert expected.items() <= seed.data.tags.items()
    assert seed.data.params["method"] == "archipelago.methods.federated.fedavg.FedAvg"
    assert (seed.data.params["method.lr"], seed.data.params["seed"]) == ("0.1", "1")
    assert [entry.dataset.name for entry in seed.inputs.dataset_inputs] == ["fashion_mnist"]


def test_curves_have_a_point_a_round_and_end_in_the_final_value(tracked):
    with opened(tracked[0]) as (store, runs):
        seed = by_level(runs, "seed")["fedavg / dirichlet / seed 2"]
        history = store.client.get_metric_history(seed.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.1), (2, 0.5), (3, 0.7)]
    assert seed.data.metrics == {"accuracy": 0.7, "wire_bytes": 1000.0}


def test_an_arm_shows_the_mean_of_its_seeds_and_what_they_share(tracked):
    with opened(tracked[0]) as (_, runs):
        arm = by_level(runs, "arm")["fedavg / dirichlet"]
    assert arm.data.metrics["accuracy"] == pytest.approx(0.65)
    assert arm.data.tags["seeds"] == "1, 2"
    assert "method.lr" in arm.data.params
    assert "seed" not in arm.data.params


def test_the_study_shows_verdicts_figures_and_config(tracked):
    root, _ = tracked
    with opened(root) as (store, runs):
        study = by_level(runs, "study")["study"]
        experiment = store.client.get_experiment(study.info.experiment_id)
    for tags in (study.data.tags, experiment.tags):
        assert tags["verdict.H1"] == "supported"
        assert "| H1 | supported | the interval lies above 0 |" in tags["mlflow.note.content"]
    artifacts = root / STORE / "artifacts/fedspeed/desk" / study.info.run_id / "artifacts"
    assert (artifacts / "figures/curves.png").read_bytes() == PICTURE
    assert (artifacts / "config/fedspeed.yaml").read_text() == "title: FedSpeed\n"
    assert json.loads((artifacts / "verdicts/verdicts.json").read_text()) == make_study(root)["verdicts"]


def test_logging_again_changes_no_byte_even_elsewhere(tracked, tmp_path):
    root, runs = copy(tracked, tmp_path / "clone")
    before = (root / STORE / "mlflow.db").read_bytes()
    assert log(root, runs) == Summary("fedspeed/desk", logged=0, kept=7, deleted=0)
    assert (root / STORE / "mlflow.db").read_bytes() == before


def test_the_store_knows_no_place_of_this_machine(tracked):
    root, _ = tracked
    database = (root / STORE / "mlflow.db").read_bytes()
    for place in (root, Path.cwd(), Path.home(), Path(sys.prefix)):
        assert str(place).encode() not in database
    assert b"mlflow-artifacts:/fedspeed/desk" in database


@pytest.mark.parametrize(("step", "calls"), [("log_batch", 0), ("log_inputs", 1), ("set_terminated", 3)])
def test_what_a_killed_step_left_is_finished_not_doubled(root, monkeypatch, step, calls):
    from mlflow.tracking import MlflowClient

    whole, left = getattr(MlflowClient, step), calls

    def killed(*args, **kwargs):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    runs = make_runs(root)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, killed)
        with pytest.raises(KeyboardInterrupt):
            log(root, runs)
    log(root, runs)
    everything = all_runs_ever(root)
    assert len(everything) == 7
    assert {run.info.status for run in everything} == {"FINISHED"}
    with opened(root) as (store, _):
        for run in by_level(everything, "seed").values():
            assert len(store.client.get_metric_history(run.info.run_id, "accuracy")) == 3


def test_a_request_carried_out_late_doubles_nothing(root, monkeypatch):
    """A server that had stopped makes a run after its writer has looked, found none, and asked again."""
    from mlflow.tracking import MlflowClient

    make = MlflowClient.create_run

    def make_also_the_one_that_seemed_to_fail(*args, **kwargs):
        make(*args, **kwargs)
        return make(*args, **kwargs)

    runs = make_runs(root)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_run", make_also_the_one_that_seemed_to_fail)
        assert log(root, runs) == Summary("fedspeed/desk", logged=7, kept=0, deleted=7)
    assert log(root, runs) == Summary("fedspeed/desk", logged=0, kept=7, deleted=0)
    with opened(root) as (_, now):
        assert len(now) == 7


def test_a_new_seed_renews_the_arm_and_keeps_the_others(tracked, tmp_path):
    root, runs = copy(tracked, tmp_path / "clone")
    more = [*runs, make_run(root, "fedavg", 3)]
    assert log(root, more) == Summary("fedspeed/desk", logged=3, kept=5, deleted=2)
    with opened(root) as (_, now):
        arm = by_level(now, "arm")["fedavg / dirichlet"]
        below = [run for run in now if run.data.tags.get("mlflow.parentRunId") == arm.info.run_id]
    assert arm.data.tags["seeds"] == "1, 2, 3"
    assert len(below) == 3
    assert len(list((root / STORE / "artifacts/fedspeed/desk").iterdir())) == 1


def test_a_run_under_a_new_key_takes_the_place_of_the_old_one(tracked, tmp_path):
    root, (old, *others) = copy(tracked, tmp_path / "clone")
    new = make_run(root, old.arm, old.seed, accuracy=(0.9, 0.9, 0.9), key="f" * 20)
    log(root, [new, *others])
    with opened(root) as (_, now):
        assert len(now) == 7
        assert by_level(now, "seed")["fedavg / dirichlet / seed 1"].data.tags["run_key"] == new.key


def test_runs_that_are_not_named_stay(tracked, tmp_path):
    root, runs = copy(tracked, tmp_path / "clone")
    log(root, runs[:1])
    with opened(root) as (_, now):
        seeds, arms = by_level(now, "seed"), by_level(now, "arm")
    assert len(seeds) == 4
    for name, seed in seeds.items():
        assert seed.data.tags["mlflow.parentRunId"] == arms[name.rpartition(" / ")[0]].info.run_id


def test_a_new_verdict_replaces_the_old_one_everywhere(tracked, tmp_path):
    root, runs = copy(tracked, tmp_path / "clone")
    assert log(root, runs, verdict="refuted") == Summary("fedspeed/desk", logged=1, kept=6, deleted=1)
    with opened(root) as (store, now):
        study = by_level(now, "study")["study"]
        experiment = store.client.get_experiment(study.info.experiment_id)
    assert {arm.data.tags["mlflow.parentRunId"] for arm in by_level(now, "arm").values()} == {study.info.run_id}
    assert study.data.tags["verdict.H1"] == experiment.tags["verdict.H1"] == "refuted"


def test_a_hypothesis_that_is_gone_leaves_no_verdict(tracked, tmp_path):
    root, runs = copy(tracked, tmp_path / "clone")
    study = make_study(root) | {"verdicts": {"hypotheses": {}}}
    track(study, runs, [], DEFAULT_URI, root)
    with opened(root) as (store, now):
        assert "verdict.H1" not in store.client.get_experiment(now[0].info.experiment_id).tags


def test_a_judgement_made_later_reaches_a_logged_run(tracked, tmp_path):
    root, (first, *others) = copy(tracked, tmp_path / "clone")
    log(root, [replace(first, diverged=True), *others])
    with opened(root) as (_, now):
        diverged = {name: run.data.tags["diverged"] for name, run in by_level(now, "seed").items()}
    assert [name for name, says in diverged.items() if says == "true"] == ["fedavg / dirichlet / seed 1"]


def test_equal_runs_of_two_arms_are_logged_in_both(root):
    run = make_run(root, "fedavg", 1)
    assert log(root, [run, replace(run, arm="fedprox_mu_0")]).logged == 5


def test_what_is_not_finite_is_a_number_to_nobody(root):
    run = make_run(root, "fedavg", 1, accuracy=(0.5, math.inf, -math.inf))
    log(root, [run])
    with opened(root) as (store, runs):
        seed = by_level(runs, "seed")["fedavg / dirichlet / seed 1"]
        points = [point.value for point in store.client.get_metric_history(seed.info.run_id, "accuracy")]
        assert points[0] == 0.5
        assert [math.isnan(value) for value in points] == [False, True, True]
        assert seed.data.tags["not_finite"] == "accuracy from round 2"
        assert math.isnan(by_level(runs, "arm")["fedavg / dirichlet"].data.metrics["accuracy"])


def test_a_bin_is_emptied_for_an_experiment_that_is_needed_again(tracked, tmp_path):
    root, runs = copy(tracked, tmp_path / "clone")
    with opened(root) as (store, now):
        store.client.delete_experiment(now[0].info.experiment_id)
    log(root, runs)
    with opened(root) as (_, now):
        assert len(now) == 7


def test_a_missing_figure_is_said_before_anything_is_logged(tmp_path):
    with pytest.raises(ArchipelagoError, match=r"cannot read .*gone\.svg"):
        track(make_study(tmp_path), make_runs(tmp_path), [tmp_path / "gone.svg"], DEFAULT_URI, tmp_path)
    assert not (tmp_path / STORE).exists()


def test_a_broken_database_is_one_error(tmp_path):
    (tmp_path / STORE).mkdir(parents=True)
    (tmp_path / STORE / "mlflow.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(ArchipelagoError) as raised:
        log(tmp_path, make_runs(tmp_path))
    assert "key tracking.uri" in str(raised.value)


def get(url, page, /, **query):
    with urllib.request.urlopen(f"{url}/{page}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
        return answer.read()


@pytest.mark.slow
def test_a_moved_store_is_served_whole_and_its_server_can_be_logged_to(tracked, pages, tmp_path):
    root, runs = copy(tracked, tmp_path / "clone")
    api, url = "api/2.0/mlflow", pages.uri
    with opened(root) as (_, now):
        study = by_level(now, "study")["study"].info.run_id
        seed = by_level(now, "seed")["fedavg / dirichlet / seed 1"].info.run_id
    files = json.loads(get(url, f"{api}/artifacts/list", run_id=study, path="figures"))["files"]
    assert [file["path"] for file in files] == ["figures/curves.png"]
    assert get(url, "get-artifact", run_id=study, path="figures/curves.png") == PICTURE
    history = json.loads(get(url, f"{api}/metrics/get-history", run_id=seed, metric_key="accuracy"))["metrics"]
    assert [(int(point["step"]), point["value"]) for point in history] == [(1, 0.1), (2, 0.5), (3, 0.6)]

    assert log(root, runs, url) == Summary("fedspeed/desk", logged=0, kept=7, deleted=0)
    other = make_study(root) | {"view": "smoke"}
    assert track(other, runs, make_figures(root), url, root).logged == 7
    assert track(other, runs, make_figures(root), url, root).logged == 0
    store = connect(url, root)
    (study,) = by_level(store.runs(store.experiment("fedspeed/smoke")), "study").values()
    assert get(url, "get-artifact", run_id=study.info.run_id, path="figures/curves.png") == PICTURE
    assert str(pages.artifacts.parent).encode() not in (pages.artifacts.parent / "mlflow.db").read_bytes()


def test_nothing_tracked_yet_is_said(tmp_path):
    with pytest.raises(ArchipelagoError, match="nothing has been tracked yet"):
        serve(tmp_path)


def test_importing_the_room_does_not_import_mlflow():
    program = "import sys, archipelago.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
