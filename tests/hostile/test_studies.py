"""Studies that are spoiled somewhere: each is refused by one message, or there is a reason why it is a study still."""

import copy
import os
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archipelago.errors import ArchipelagoError
from tests.hostile.mutations import OPTIONAL, ROOT, WRONG, Examined, cut, inside, leaves, put, rename, typos

STUDIES = {slug: Examined(ROOT / f"config/studies/{slug}.yaml") for slug in ("fedspeed", "monna", "fastrp")}
TINY = Examined(ROOT / "tests/pipeline/tiny.yaml")
each_study = pytest.mark.parametrize("examined", STUDIES.values(), ids=list(STUDIES))


def bounded(examples: int) -> settings:
    """So many examples; in CI always the same."""
    return settings(deadline=None, derandomize="CI" in os.environ, database=None, max_examples=examples)


def assert_told(error: ArchipelagoError, slug: str) -> None:
    """One short message: study, key, problem, remedy."""
    assert error.study in (slug, None)  # what concerns a component or a card is given its study by check_arms or Plan
    assert error.key
    assert error.problem
    assert error.remedy
    assert len(str(error)) < 2500, str(error)[:500]
    assert "\n" not in str(error)


def judge(examined: Examined, content: dict, excuse: object, told: str) -> bool:
    """Whether a content is refused; where it is not, there must be an excuse."""
    refusal = examined.refusal(content)
    if refusal is None:
        assert excuse() if callable(excuse) else excuse, f"nobody noticed: {told}"
        return False
    assert_told(refusal, examined.study.slug)
    return True


def spoil(examined: Examined, at: tuple, new: object) -> bool:
    """Put a value in a place."""
    old = inside(examined.content, at)
    told = f"{at}: {str(old)[:60]!r} became {str(new)[:60]!r}"
    return judge(examined, put(examined.content, at, new), lambda: examined.excuse(at, old, new), told)


def shorten(examined: Examined, at: tuple) -> bool:
    """Leave out a key or an entry."""
    return judge(examined, cut(examined.content, at), not needed(examined.content, at), f"{at} was left out")


def needed(content: dict, at: tuple) -> bool:
    """Whether a study is none without this key or entry, whatever the others say."""
    *around, key = at
    if isinstance(key, int):
        return len(inside(content, tuple(around))) == 1 and key == 0 and "notes" not in at
    if not around:
        return key not in OPTIONAL
    if around == ["scales"]:
        return key in ("smoke", "desk", "paper")
    if around in (["arms"], ["conditions"], ["quantities"]):
        return mentions(content, key) > 0
    if around[0] == "paper":
        return key != "code"
    if around[0] == "tuning" and len(around) in (1, 3):
        return key not in ("base", "combine")
    if around[0] in ("arms", "conditions") and len(around) == 2:
        return key == "title"
    if around[0] == "figures" and len(around) == 2:
        return key in ("kind", "title", "label", "metric", "quantity")
    return key in ("blocks", "statement", "effect", "metric") or (len(around) == 4 and around[2] == "blocks")


def mentions(content: dict, name: str) -> int:
    """How often a name is used, but for the place that defines it."""
    used = Counter(value for _, value in leaves(content) if isinstance(value, str))
    return used[name] + sum(name in arm.get("conditions", {}) for arm in content["arms"].values())


def call(examined: Examined, at: tuple, name: str) -> bool:
    """Call a key otherwise."""

    def excuse() -> bool:
        *around, old = at
        named = name.isidentifier() and name.isascii() and len(name) <= 40
        if around == ["hypotheses"] or (around == ["scales"] and old not in ("smoke", "desk", "paper")):
            return named
        if around in (["figures"], ["arms"], ["conditions"], ["quantities"]):
            return named and (around == ["figures"] or not mentions(examined.content, old))
        if around[-1] == "where" or (around[0] == "figures" and around[-1] == "conditions"):
            return True  # a column, a printed label
        return "init_args" in around and examined.same_runs(rename(examined.content, at, name))

    around = inside(examined.content, at[:-1])
    if name in around:
        return False
    return judge(examined, rename(examined.content, at, name), excuse, f"{at} was called {name!r}")


def extend(examined: Examined, at: tuple, name: str) -> bool:
    """Add a key that nobody knows."""
    content = put(examined.content, (*at, name), 1)
    told = f"{at} got a key {name!r}"
    return judge(examined, content, lambda: at[-1] == "where" or examined.same_runs(content), told)


@pytest.mark.parametrize("examined", [TINY, *STUDIES.values()], ids=["tiny", *STUDIES])
def test_the_studies_themselves_are_good(examined):
    assert examined.refusal(examined.content) is None


@pytest.mark.slow
def test_every_place_of_the_tiny_study_can_be_spoiled():
    """Every value by twelve others, every key left out, called otherwise and accompanied."""
    draw = random.Random(3)
    refused = Counter()
    for at, old in leaves(TINY.content):
        others = [*WRONG, *(typos(old) if isinstance(old, str) else [])]
        refused["value"] += sum(spoil(TINY, at, new) for new in draw.sample(others, 12))
        refused["left out"] += shorten(TINY, at)
        if isinstance(at[-1], str):
            refused["called"] += sum(call(TINY, at, name) for name in draw.sample(typos(at[-1]), 3))
        if isinstance(old, dict):
            refused["added"] += sum(extend(TINY, at, name) for name in ("zzz", "../x"))
    assert min(refused.values()) > 40  # not all was excused


@pytest.mark.slow
@each_study
@bounded(60)
@given(data=st.data())
def test_a_wrong_value_anywhere_is_noticed(examined, data):
    at, old = data.draw(st.sampled_from(list(leaves(examined.content))))
    spoil(examined, at, data.draw(st.sampled_from([*WRONG, *(typos(old) if isinstance(old, str) else [])])))


@pytest.mark.slow
@each_study
@bounded(40)
@given(data=st.data())
def test_a_key_that_is_missing_misspelled_or_unknown_is_noticed(examined, data):
    places = [at for at, _ in leaves(examined.content) if isinstance(at[-1], str)]
    at = data.draw(st.sampled_from(places))
    way = data.draw(st.sampled_from(["left out", "misspelled", "unknown"]))
    if way == "left out":
        shorten(examined, at)
    elif way == "misspelled":
        call(examined, at, data.draw(st.sampled_from(typos(at[-1]))))
    else:
        extend(examined, at[:-1], data.draw(st.sampled_from(["zzz", "__class__", "../../x", "é", " ", "$(id)"])))


@pytest.mark.slow
@each_study
def test_what_is_harmless_is_taken(examined):
    content = examined.content
    draw = random.Random(5)
    texts = [at for at, _ in leaves(content) if at[-1] in ("title", "caption", "statement", "claim")]
    for at in draw.sample(texts, 2):
        assert examined.refusal(put(content, at, 'Ein Text, auch mit <b>, "…", {} und 100 %')) is None
    shuffled = {key: content[key] for key in sorted(content, key=lambda key: draw.random())}
    assert examined.refusal(shuffled) is None
    rates = [
        (at, old) for at, old in leaves(content) if at[-1] in ("lr", "gamma0", "alpha4") and isinstance(old, float)
    ]
    for at, old in draw.sample(rates, 3):
        moved = put(content, at, old * 1.01)
        assert examined.refusal(moved) is None
    assert copy.deepcopy(content) == examined.study.content
