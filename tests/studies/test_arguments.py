"""Components are held against what may stand in their place, and against what their class declares."""

import math

import pytest

from archipelago.errors import ArchipelagoError
from archipelago.models.dense import MLP
from archipelago.studies.arguments import check_component
from archipelago.studies.build import build

FEDPROX = "archipelago.methods.federated.fedprox.FedProx"
MONNA = "archipelago.methods.robust.monna.MoNNA"
GOOD = {"lr": 0.1, "local_epochs": 1, "batch_size": 20}


def fedprox(**init_args):
    return {"class_path": FEDPROX, "init_args": {**GOOD, **init_args}}


def test_good_arguments_are_built_as_plain_numbers():
    component = fedprox(mu=1, clip_norm=None)
    check_component(component, "method")
    method = build(component, model=MLP(4, [3], 2), seed=1)
    assert (method.mu, type(method.mu)) == (1.0, float)
    assert type(method.batch_size) is int
    assert method.clip_norm is None


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("lr", 0),
        ("lr", -0.1),
        ("lr", 1e300),
        ("lr", math.nan),
        ("lr", math.inf),
        ("lr", True),
        ("lr", "0.1"),
        ("lr", [0.1]),
        ("lr", None),
        ("lr_decay", None),
        ("clip_norm", -1.0),
        ("clip_norm", "10"),
        ("local_epochs", 0),
        ("local_epochs", 2.5),
        ("local_epochs", 2.0),
        ("batch_size", 10**30),
        ("lr_decay", 1.5),
        ("weighting", "size"),
        ("weighting", None),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(argument, value):
    with pytest.raises(ArchipelagoError) as raised:
        check_component(fedprox(**{argument: value}), "method")
    assert f"method.init_args.{argument}" in str(raised.value) or value is None
    assert argument in str(raised.value)


def test_a_quoted_number_in_a_list_or_in_an_inner_component_is_refused():
    sizes = {"inputs": 4, "outputs": 2}
    check_component({"class_path": "archipelago.models.dense.MLP", "init_args": {**sizes, "hidden": [8]}}, "model")
    with pytest.raises(ArchipelagoError, match="'8' is a text"):
        check_component(
            {"class_path": "archipelago.models.dense.MLP", "init_args": {**sizes, "hidden": ["8"]}}, "model"
        )
    flip = {"class_path": "archipelago.population.attacks.LabelFlip", "init_args": {"classes": "10"}}
    peers = {"gamma0": 0.1, "beta": 0.9, "byzantine": 1}
    with pytest.raises(ArchipelagoError, match="'10' is a text"):
        check_component({"class_path": MONNA, "init_args": {**peers, "attack": flip}}, "method")


def test_arguments_of_the_house_cannot_be_set():
    with pytest.raises(ArchipelagoError, match="takes no 'seed'"):
        check_component(fedprox(seed=3), "method")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("archipelago.population.attacks.ALIE", "method"),
        ("archipelago.partition.schemes.IID", "model"),
        ("archipelago.partition.schemes.Scheme", "partition.scheme"),
        ("archipelago.methods.robust.dsgd.Broadcast", "method"),
        ("archipelago.population.attacks.strongest", "method"),
        ("archipelago.models.dense.MLP", "partition.scheme"),
        ("archipelago.models.dense.MPL", "model"),
        ("archipelago.nowhere.MLP", "model"),
    ],
)
def test_what_cannot_stand_there_is_refused(path, key):
    with pytest.raises(ArchipelagoError, match=rf"key {key}\.class_path"):
        check_component({"class_path": path}, key)
