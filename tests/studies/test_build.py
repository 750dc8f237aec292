"""Init arguments are held against what the class declares, before anything is built."""

import math

import pytest

from archipelago.errors import ArchipelagoError
from archipelago.studies.build import check_arguments

GIVEN = ("model", "seed")
GOOD = {"lr": 0.1, "local_epochs": 1, "batch_size": 20}


def fedprox(**init_args):
    component = {"class_path": "archipelago.methods.federated.fedprox.FedProx", "init_args": {**GOOD, **init_args}}
    return check_arguments(component, "method", GIVEN)[1]


def test_good_arguments_come_as_the_types_declared():
    taken = fedprox(mu=1, clip_norm=None)
    assert (taken["mu"], type(taken["mu"])) == (1.0, float)
    assert taken["clip_norm"] is None


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
        ("clip_norm", -1.0),
        ("clip_norm", "10"),
        ("local_epochs", 0),
        ("local_epochs", 2.5),
        ("batch_size", 10**30),
        ("lr_decay", 1.5),
        ("weighting", "size"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(argument, value):
    with pytest.raises(ArchipelagoError) as raised:
        fedprox(**{argument: value})
    assert "method.init_args" in str(raised.value)
    assert argument in str(raised.value)


def test_a_quoted_number_in_a_list_is_refused():
    component = {"class_path": "archipelago.models.dense.MLP"}
    sizes = {"inputs": 4, "outputs": 2}
    assert check_arguments({**component, "init_args": {**sizes, "hidden": [8]}}, "model")
    with pytest.raises(ArchipelagoError, match="'8' is a text"):
        check_arguments({**component, "init_args": {**sizes, "hidden": ["8"]}}, "model")


def test_arguments_of_the_house_cannot_be_set():
    with pytest.raises(ArchipelagoError, match="takes no 'seed'"):
        fedprox(seed=3)
