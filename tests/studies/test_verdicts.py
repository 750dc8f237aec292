import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archipelago.studies.verdicts import judge, measure
from tests.studies.tables import pairs, run, table

QUANTITIES = {"m": {"metric": "m"}, "time": {"metric": "m", "first_reaching": 1}}
DIFFERENCE = {"effect": "difference", "quantity": "m", "condition": "c", "of": "a", "against": "b"}


def verdict_of(entry: dict[str, Any], frame: pd.DataFrame, **rest: Any) -> dict[str, Any]:
    result = judge("s", QUANTITIES, {"H1": {"statement": "x", **entry}}, frame, **rest)
    json.dumps(result, allow_nan=False)
    return result["hypotheses"]["H1"]


def claim(frame: pd.DataFrame, **criteria: Any) -> dict[str, Any]:
    return verdict_of({"parts": [{**DIFFERENCE, **criteria}]}, frame)


# Differences 0.4 .. 0.6, so every bootstrap interval of their mean lies within these, and holds 0.5.
HALF = pairs([1.4, 1.5, 1.6, 1.5, 1.5], [1, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"at_least": 0.3}, "supported"),
        ({"at_least": 0.5}, "supported"),
        ({"at_least": 0.51}, "inconclusive"),
        ({"at_least": 0.7}, "refuted"),
        ({"at_most": 0.7}, "supported"),
        ({"at_most": 0.49}, "inconclusive"),
        ({"at_most": 0.3}, "refuted"),
        ({"above": 0.3}, "supported"),
        ({"above": 0.6}, "refuted"),
        ({"below": 0.7}, "supported"),
        ({"below": 0.4}, "refuted"),
        ({"at_least": 0.5, "interval_above": 0.3}, "supported"),
        ({"at_least": 0.5, "interval_above": 0.5}, "inconclusive"),
        ({"interval_above": 0.6}, "refuted"),
        ({"interval_below": 0.61}, "supported"),
        ({"interval_below": 0.5}, "inconclusive"),
        ({"interval_below": 0.4}, "refuted"),
        ({"interval_holds": 0.5}, "supported"),
        ({"interval_holds": 0.7}, "refuted"),
        ({"at_least": 0.3, "at_most": 0.7}, "supported"),
        ({"at_least": 0.51, "at_most": 0.7}, "inconclusive"),
        ({"at_least": -0.3, "at_most": 0.3}, "refuted"),
    ],
)
def test_each_criterion_on_a_known_effect(criteria, expected):
    assert claim(HALF, **criteria)["verdict"] == expected


def test_what_a_verdict_tells():
    found = claim(HALF, at_least=0.3)
    assert found["effect"] == pytest.approx(0.5)
    assert (found["n"], found["unit"], found["level"]) == (5, "seed", 0.9)
    low, high = found["interval"]
    assert 0.4 <= low < 0.5 < high <= 0.6
    assert found["parts"][0]["values"] == pytest.approx({"1": 0.4, "2": 0.5, "3": 0.6, "4": 0.5, "5": 0.5})
    assert found["reason"].startswith("m(a, c) - m(b, c): 0.5 [0.4")
    assert "90 % bootstrap, n = 5, unit seed), claimed at least 0.3: all criteria hold" in found["reason"]


def test_one_seed_has_no_interval_and_concludes_nothing_unless_the_claim_is_a_fact():
    one = pairs([2], [1])
    assert claim(one, at_least=0.5)["verdict"] == "inconclusive"
    assert claim(one, at_least=1.5)["verdict"] == "inconclusive"
    fact = {"pairing": {"interval": "none"}}
    assert claim(one, at_least=0.5, **fact)["verdict"] == "supported"
    assert claim(one, at_least=1.5, **fact)["verdict"] == "refuted"
    assert claim(one, above=1, **fact)["verdict"] == "refuted"


def test_cells_without_runs_are_not_run():
    found = claim(HALF[HALF["arm"] == "a"], at_least=0)
    assert found["verdict"] == "not run"
    assert found["effect"] is None
    assert found["reason"] == "no run has m(b, c)"


def diverge(frame: pd.DataFrame, arm: str, seed: int) -> pd.DataFrame:
    hit = (frame["arm"] == arm) & (frame["seed"] == seed)
    return frame.assign(diverged=frame["diverged"] | hit)


@pytest.mark.parametrize("arm", ["a", "b"])
def test_a_diverged_run_on_either_side_rules_out_supported_and_only_that(arm):
    frame = diverge(HALF, arm, 2)
    found = claim(frame, at_least=0.3)
    assert found["verdict"] == "inconclusive"
    assert found["n"] == 4
    assert f"{arm} in c: seed 2 diverged" in found["reason"]
    assert claim(frame, at_least=0.7)["verdict"] == "refuted"


def test_a_diverged_candidate_that_was_not_picked_rules_out_supported_too():
    third = table(*(run("z", "c", seed, m=[0.5]) for seed in range(1, 6)))
    entry = {"parts": [{**DIFFERENCE, "against": {"largest_of": ["b", "z"]}, "at_least": 0.3}]}
    assert verdict_of(entry, pd.concat([HALF, third]))["verdict"] == "supported"
    assert verdict_of(entry, pd.concat([HALF, diverge(third, "z", 4)]))["verdict"] == "inconclusive"


def test_all_runs_diverged_leave_nothing_to_judge():
    frame = HALF.assign(diverged=HALF["arm"] == "a")
    found = claim(frame, at_least=0)
    assert (found["verdict"], found["effect"], found["interval"], found["n"]) == ("inconclusive", None, None, 0)


def test_a_run_that_was_asked_for_and_is_missing_rules_out_supported():
    frame = HALF[~((HALF["arm"] == "b") & (HALF["seed"] == 2))]
    asked = [(arm, "c", seed) for arm in "ab" for seed in range(1, 6)]
    entry = {"parts": [{**DIFFERENCE, "at_least": 0.3}]}
    assert verdict_of(entry, frame)["verdict"] == "supported"  # four pairs, and the reason says so
    assert "left out, as not every cell has it: 2" in verdict_of(entry, frame)["reason"]
    found = verdict_of(entry, frame, asked=asked)
    assert found["verdict"] == "inconclusive"
    assert "b in c: seed 2 was asked for and is missing" in found["reason"]


def test_a_run_without_the_number_rules_out_supported():
    frame = HALF.assign(m=HALF["m"].where(~((HALF["arm"] == "a") & (HALF["seed"] == 3))))
    assert claim(frame, at_least=0.3)["verdict"] == "inconclusive"


def test_an_infinite_number_is_no_number():
    frame = HALF.assign(m=HALF["m"].where(HALF["seed"] != 3, np.inf))
    assert claim(frame, at_least=0.3)["verdict"] == "inconclusive"


def timed(of: int | None, against: int | None) -> pd.DataFrame:
    """Three seeds that reach 1 in the given round of 20, or never."""

    def curve(first: int | None) -> list[float]:
        return [float(first is not None and i >= first) for i in range(1, 21)]

    return table(*(run(arm, "c", seed, m=curve(at)) for arm, at in (("a", of), ("b", against)) for seed in (1, 2, 3)))


@pytest.mark.parametrize(
    ("of", "against", "criteria", "expected"),
    [
        (10, 20, {"at_most": 0.7}, "supported"),
        (10, None, {"at_most": 0.7}, "supported"),  # b takes even longer: the ratio is at most this
        (None, 20, {"at_most": 1.0}, "inconclusive"),  # a takes longer than the 20 rounds that were counted
        (None, 10, {"at_most": 1.0}, "refuted"),
        (10, None, {"at_least": 0.7}, "refuted"),  # the ratio is smaller still
        (20, None, {"at_least": 1.0}, "inconclusive"),
        (None, 10, {"at_least": 1.5}, "supported"),
    ],
)
def test_a_censored_time_is_a_bound_and_can_only_harm_a_claim(of, against, criteria, expected):
    part = {**DIFFERENCE, "effect": "ratio", "quantity": "time", **criteria}
    found = verdict_of({"parts": [part]}, timed(of, against))
    assert found["verdict"] == expected


def test_a_conjunction_is_as_good_as_its_worst_part_and_shows_that_one():
    good, open_, bad = ({**DIFFERENCE, "at_least": bound} for bound in (0.3, 0.51, 0.7))
    assert verdict_of({"parts": [good, good]}, HALF)["verdict"] == "supported"
    assert verdict_of({"parts": [good, open_]}, HALF)["verdict"] == "inconclusive"
    found = verdict_of({"parts": [good, open_, bad]}, HALF)
    assert found["verdict"] == "refuted"
    assert [part["verdict"] for part in found["parts"]] == ["supported", "inconclusive", "refuted"]
    assert "claimed at least 0.7" in found["reason"]
    assert "claimed at least 0.3" not in found["reason"]


def test_a_disjunction_needs_one_alternative_whole():
    good, bad = ({"parts": [{**DIFFERENCE, "at_least": bound}]} for bound in (0.3, 0.7))
    mixed = {"parts": [*good["parts"], *bad["parts"]]}
    assert verdict_of({"any_of": [bad, good]}, HALF)["verdict"] == "supported"
    assert "claimed at least 0.3" in verdict_of({"any_of": [bad, good]}, HALF)["reason"]
    assert verdict_of({"any_of": [bad, mixed]}, HALF)["verdict"] == "refuted"


def test_a_diverged_run_in_another_alternative_rules_out_supported():
    other = diverge(pairs([1, 1], [1, 1], "d"), "a", 1)
    alternatives = [{"parts": [{**DIFFERENCE, "condition": c, "at_least": 0.3}]} for c in "cd"]
    assert verdict_of({"any_of": alternatives}, pd.concat([HALF, other]))["verdict"] == "inconclusive"


def test_a_guard_goes_before_every_verdict():
    bad = {**DIFFERENCE, "at_least": 0.7}
    assert verdict_of({"parts": [bad], "inconclusive_if": [{**DIFFERENCE, "below": 0.1}]}, HALF)["verdict"] == "refuted"
    found = verdict_of({"parts": [bad], "inconclusive_if": [{**DIFFERENCE, "below": 0.51}]}, HALF)
    assert found["verdict"] == "inconclusive"
    assert found["reason"].startswith("nothing can be concluded where m(a, c) - m(b, c): 0.5")


def test_one_quantity_of_every_run_but_the_diverged():
    frame = diverge(pairs([2, 3], [1, 4]), "b", 2).astype({"arm": "category", "condition": "category"})
    assert measure("s", QUANTITIES, "m", frame) == {("a", "c", 1): 2, ("a", "c", 2): 3, ("b", "c", 1): 1}


def test_columns_of_categories_are_read_like_words():
    frame = HALF.astype({"arm": "category", "condition": "category"})
    assert claim(frame, at_least=0.3) == claim(HALF, at_least=0.3)
    assert verdict_of({"parts": [{**DIFFERENCE, "of": "z", "at_least": 0}]}, frame)["verdict"] == "not run"


values = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5)
criteria = st.dictionaries(
    st.sampled_from(["at_least", "above", "at_most", "below", "interval_above", "interval_below", "interval_holds"]),
    st.floats(-1, 1),
    min_size=1,
)


@settings(max_examples=50, deadline=None)
@given(values, criteria, st.sampled_from("ab"), st.data())
def test_no_claim_is_supported_where_a_run_diverged(drawn, claims, arm, data):
    frame = pairs([a for a, _ in drawn], [b for _, b in drawn])
    seed = data.draw(st.integers(1, len(drawn)))
    assert claim(diverge(frame, arm, seed), **claims)["verdict"] != "supported"


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(random):
    rows = list(range(len(HALF)))
    random.shuffle(rows)
    assert claim(HALF.iloc[rows], at_least=0.4) == claim(HALF, at_least=0.4)
