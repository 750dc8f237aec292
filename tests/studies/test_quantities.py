import pandas as pd
import pytest

from archipelago.errors import ArchipelagoError
from archipelago.studies.effects import Measurements, Sample
from archipelago.studies.fields import Field
from archipelago.studies.quantities import parse_quantities
from tests.studies.tables import indexed, run, table

CURVE = [0.1, 0.5, 0.4, 0.7, 0.8]


def read(
    spec: dict[str, object], frame: pd.DataFrame, units: tuple[str, ...] = ("seed",), arm: str = "a"
) -> Sample | None:
    quantities = parse_quantities(Field("s", "quantities", {"q": spec, "final": {"metric": "m"}}), None)
    return Measurements("s", quantities, frame).measure("q", arm, "c", units)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({}, 0.8),
        ({"last": 2}, 0.75),
        ({"last": 99}, 0.5),
        ({"at": 3}, 0.4),
        ({"rounds": [2, 4]}, 1.6 / 3),
        ({"all_rows": "min"}, 0.1),
        ({"all_rows": "max"}, 0.8),
        ({"all_rows": "mean"}, 0.5),
        ({"share": {"below": 0.6, "after": 1}}, 0.5),
        ({"share": {"below": 0.5}}, 0.4),
        ({"first_reaching": 0.5}, 2),
        ({"first_reaching": 0.6}, 4),
    ],
)
def test_each_reading_of_a_known_curve(reading, expected):
    sample = read({"metric": "m", **reading}, table(run("a", "c", 1, m=CURVE)))
    assert sample is not None
    assert sample.values == pytest.approx({(1,): expected})
    assert not sample.too_small


def test_a_target_that_is_not_reached_is_censored_at_the_last_round():
    sample = read({"metric": "m", "first_reaching": 0.9}, table(run("a", "c", 1, m=CURVE)))
    assert sample is not None
    assert (sample.values, sample.too_small) == ({(1,): 5}, {(1,)})


def test_a_target_per_seed_is_the_other_arms_quantity_of_that_seed():
    frame = table(
        *(run("a", "c", seed, m=CURVE) for seed in (1, 2, 3)),
        *(run("b", "c", seed, m=[0, goal]) for seed, goal in ((1, 0.45), (2, 0.75))),
    )
    sample = read({"metric": "m", "first_reaching": {"quantity": "final", "arm": "b"}}, frame)
    assert sample is not None
    assert sample.values == {(1,): 2, (2,): 5}
    assert "seed 3 has no q" in sample.flaws[0]


def test_rounds_that_no_run_recorded_are_not_run_and_those_that_one_run_lacks_are_a_flaw():
    short, long = run("a", "c", 1, m=CURVE[:2]), run("a", "c", 2, m=CURVE)
    assert read({"metric": "m", "at": 4}, table(short)) is None
    sample = read({"metric": "m", "rounds": [2, 4]}, table(short, long))
    assert sample is not None
    assert list(sample.values) == [(2,)]
    assert "seed 1" in sample.flaws[0]


def test_where_picks_rows_and_units_may_be_crossed():
    rows = [{"shuffle": k, "labels": share, "m": 10 * k + share} for k in (0, 1) for share in (0.01, 0.1)]
    frame = table(indexed("a", "c", 1, [{"seconds": 3.0}, *rows]), indexed("a", "c", 2, rows))
    sample = read({"metric": "m", "where": {"labels": 0.1}}, frame, ("shuffle", "seed"))
    assert sample is not None
    assert sample.values == pytest.approx({(0, 1): 0.1, (0, 2): 0.1, (1, 1): 10.1, (1, 2): 10.1})


def test_rows_that_nothing_tells_apart_are_an_error_with_a_remedy():
    rows = [{"labels": share, "m": share} for share in (0.01, 0.1)]
    with pytest.raises(ArchipelagoError, match=r"study s: key quantities\.q: .*several rows of m.*`where:`"):
        read({"metric": "m"}, table(indexed("a", "c", 1, rows)))


def test_a_metric_that_nothing_recorded_is_an_error_that_lists_the_columns():
    with pytest.raises(ArchipelagoError, match=r"key quantities\.q: the runs recorded no 'n'.*diverged, key, m"):
        read({"metric": "n"}, table(run("a", "c", 1, m=CURVE)))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"metrc": "m"}, "quantities.q: unknown key 'metrc'. Did you mean 'metric'?"),
        ({"last": 2}, "quantities.q: metric missing"),
        ({"metric": "m", "last": 0}, "quantities.q.last: expected an integer of at least 1"),
        ({"metric": "m", "last": True}, "quantities.q.last: expected an integer"),
        ({"metric": "m", "last": 1, "at": 2}, "quantities.q: last and at exclude each other"),
        ({"metric": "m", "rounds": [5, 3]}, "quantities.q.rounds: expected [first, last]"),
        ({"metric": "m", "all_rows": "mim"}, "Did you mean 'min'?"),
        (
            {"metric": "m", "first_reaching": {"quantity": "q", "arm": "a"}},
            "no quantity without a target is called 'q'",
        ),
        (
            {"metric": "m", "first_reaching": {"quantity": "final", "arm": "c"}},
            "first_reaching.arm: no arm is called 'c'",
        ),
    ],
)
def test_a_wrong_quantity_is_named_with_its_place(spec, message):
    with pytest.raises(ArchipelagoError) as caught:
        parse_quantities(Field("s", "quantities", {"q": spec, "final": {"metric": "m"}}), ["a", "b"])
    assert message in str(caught.value)
