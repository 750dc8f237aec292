"""How a study's file becomes specifications of runs."""

from pathlib import Path

import pytest
import yaml

from archipelago.errors import ArchipelagoError
from archipelago.studies.schema import check_config, check_study
from archipelago.studies.study import Selection, Study, merge, read_yaml

ROOT = Path(__file__).parents[2]
CONFIG = read_yaml(ROOT / "config/config.yaml")


@pytest.fixture
def tiny(tmp_path):
    """Load the tiny study with some of its sections replaced."""

    def load(**changed):
        content = yaml.safe_load((ROOT / "tests/pipeline/tiny.yaml").read_text())
        (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**content, **changed}))
        return Study(tmp_path / "tiny.yaml")

    return load


def test_a_class_path_that_differs_takes_its_init_arguments_with_it():
    base = {"class_path": "a.A", "init_args": {"x": 1}}
    assert merge({"m": base}, {"m": {"class_path": "b.B"}}) == {"m": {"class_path": "b.B"}}
    assert merge({"m": base}, {"m": {"init_args": {"y": 2}}})["m"]["init_args"] == {"x": 1, "y": 2}
    assert merge({"m": {"init_args": {"x": 1}}}, {"m": {"class_path": "b.B"}})["m"]["init_args"] == {"x": 1}


def test_the_more_special_layer_wins(tiny):
    study = tiny()
    arms = study.content["arms"]
    arms["fedprox"]["conditions"] = {"skewed": {"method": {"init_args": {"mu": 9.0}}}}
    study = tiny(arms=arms)
    assert study.spec("smoke", "fedprox", "plain", 4)["rounds"] == 2
    spec = study.spec("desk", "fedprox", "skewed", 4)
    assert spec["method"]["init_args"] == {"lr": 0.1, "local_epochs": 2, "batch_size": 16, "mu": 9.0}
    assert spec["partition"]["scheme"]["init_args"] == {"alpha": 0.1}
    assert (spec["rounds"], spec["seed"]) == (6, 4)


def test_cells_are_those_of_the_blocks_and_a_selection_narrows_them(tiny):
    study = tiny()
    assert len(study.cells(Selection("desk"))) == 12
    assert {c.condition for c in study.cells(Selection("desk", headline=True))} == {"plain"}
    chosen = study.cells(Selection("desk", arms=("fedavg",), conditions=("plain",), seeds=(77, 78)))
    assert [(c.arm, c.condition, c.seed) for c in chosen] == [("fedavg", "plain", 77), ("fedavg", "plain", 78)]


@pytest.mark.parametrize(
    ("selection", "view"),
    [
        (Selection("desk"), "desk"),
        (Selection("smoke"), "other/smoke"),
        (Selection("desk", headline=True), "flagship"),
        (Selection("desk", seeds=(1000, 1001)), "other/desk-1000-1001"),
        (Selection("desk", headline=True, arms=("a/../b",)), "other/desk-headline-a_.._b"),
    ],
)
def test_only_a_whole_scale_is_shown_where_committed_results_lie(selection, view):
    assert selection.view == view


def test_a_study_as_it_stands_passes(tiny):
    check_study(tiny())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slug": "other"}, "study tiny: key slug: is 'other', but the file is tiny.yaml"),
        ({"headline": {"arms": ["fedavgg"]}}, "key headline.arms: there is no 'fedavgg'. Did you mean 'fedavg'"),
        ({"claims": "x"}, "study tiny: key claims: unknown key. Did you mean 'claim'"),
        ({"family": 3}, "study tiny: key family: 3 is not allowed: want string"),
        ({"arms": {}}, "study tiny: key arms"),
    ],
)
def test_a_mistake_names_study_key_and_remedy(tiny, changed, message):
    with pytest.raises(ArchipelagoError) as caught:
        check_study(tiny(**changed))
    assert message in str(caught.value)


def test_an_evaluation_must_come_with_the_last_round(tiny):
    study = tiny(base={**tiny().content["base"], "evaluate_every": 4})
    with pytest.raises(ArchipelagoError, match="evaluate_every 4 does not divide rounds 6"):
        study.cells(Selection("desk"))


def test_one_value_on_the_command_line_stands_for_a_list():
    config = check_config(
        {**CONFIG, "studies": "monna", "arms": "rfa", "seeds": ["7", 8]}, ["monna"] + CONFIG["flagship"]
    )
    assert (config["studies"], config["arms"], config["seeds"]) == (["monna"], ["rfa"], [7, 8])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scal": "desk"}, "key scal: unknown key. Did you mean 'scale'"),
        ({"seeds": [-1]}, "key seeds.0: -1 is not allowed: want at least 0"),
        ({"seeds": ["x"]}, "key seeds.0: 'x' is not allowed: want integer"),
        ({"studies": "mona"}, "there is no study 'mona'. Did you mean 'monna'"),
        ({"tracking": {"uri": "ftp://x", "wait_seconds": 90}}, "key tracking.uri"),
    ],
)
def test_a_mistake_in_the_config_names_the_key(changed, message):
    with pytest.raises(ArchipelagoError) as caught:
        check_config({**CONFIG, **changed}, ["monna", "fedspeed", "fastrp"])
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["- a\n", "a: [1\n", "a: 1\na: 2\n", "a: !!python/object/apply:os.system [ls]\n"])
def test_what_is_not_a_plain_mapping_is_refused(tmp_path, text):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ArchipelagoError, match=r"s\.yaml"):
        read_yaml(tmp_path / "s.yaml", "s")


def test_one_e_minus_three_is_a_number(tmp_path):
    (tmp_path / "s.yaml").write_text("a: 1e-3\nb: 1.5e3\nc: .5\nd: 1\n")
    assert read_yaml(tmp_path / "s.yaml") == {"a": 0.001, "b": 1500.0, "c": 0.5, "d": 1}
