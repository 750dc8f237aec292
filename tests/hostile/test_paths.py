"""What a config names stays in the project, and becomes names of files that every system takes."""

import math
import re

import pytest
import yaml

from archipelago.data.cards import known_names
from archipelago.errors import ArchipelagoError
from archipelago.studies.plan import Plan
from archipelago.studies.schema import check_config, read_card
from archipelago.studies.study import Selection, read_yaml
from tests.hostile.mutations import CARDS, ROOT

CONFIG = read_yaml(ROOT / "config/config.yaml")
STUDIES = ["fedspeed", "monna", "fastrp"]
OUTSIDE = [
    "../../x",
    "/etc/passwd",
    "..",
    ".",
    "",
    " ",
    "a/b",
    "a\nb",
    "-rf",
    "~",
    "é" * 300,
    "x" * 5000,
    "$(id)",
    "a\x00",
]


@pytest.mark.parametrize("word", OUTSIDE)
@pytest.mark.parametrize("key", ["studies", "flagship", "scale", "arms", "conditions", "seeds", "checkpoint_seconds"])
def test_a_word_on_the_command_line_names_nothing_outside(key, word):
    config = {**CONFIG, "studies": "monna", key: [word] if key == "flagship" else word}
    if key == "flagship":
        config["studies"] = "flagship"
    with pytest.raises(ArchipelagoError) as caught:
        Plan(config, ROOT)
    assert caught.value.key
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2500


@pytest.mark.parametrize("seed", [-1, 2**32, 10**30, 1.5, 7.0, True, None, "²", "٣", "0x1", "1" * 5000, [1], {}])
def test_a_seed_is_a_small_whole_number(seed):
    with pytest.raises(ArchipelagoError, match=r"key seeds") as caught:
        check_config({**CONFIG, "seeds": [seed]}, STUDIES)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [-1, 1e300, math.nan, math.inf, "30", None, True])
def test_checkpoints_are_seconds_apart(value):
    with pytest.raises(ArchipelagoError, match="key checkpoint_seconds"):
        check_config({**CONFIG, "checkpoint_seconds": value}, STUDIES)


@pytest.mark.parametrize("key", sorted(CONFIG))
def test_no_key_of_the_config_can_be_left_out(key):
    with pytest.raises(ArchipelagoError, match=f"key {key}: is missing"):
        check_config({name: value for name, value in CONFIG.items() if name != key}, STUDIES)


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("sqlite:///results/store/mlflow/mlflow.db", True),
        ("http://localhost:5000", True),
        ("https://track.example.org/mlflow", True),
        ("postgresql://me@localhost:5432/mlflow", True),
        ("postgresql+psycopg2://me:word@db/mlflow", True),
        ("sqlite:////tmp/mlflow.db", False),
        ("sqlite:///../mlflow.db", False),
        ("sqlite:///results/../../mlflow.db", False),
        ("sqlite:///results/.git/x", False),
        ("sqlite:///results//x", False),
        ("sqlite:///", False),
        ("sqlite:///a b", False),
        ("sqlite:///a.db\n", False),
        ("sqlite:///a?mode=memory", False),
        ("file:///tmp/x", False),
        ("postgresqlx://a", False),
        ("http://", False),
        ("x" * 5000, False),
    ],
)
def test_an_sqlite_store_lies_in_the_project(uri, good):
    config = {**CONFIG, "tracking": {**CONFIG["tracking"], "uri": uri}}
    if good:
        check_config(config, STUDIES)
    else:
        with pytest.raises(ArchipelagoError, match=r"key tracking\.uri"):
            check_config(config, STUDIES)


def test_a_view_of_many_words_has_a_short_name_of_its_own():
    arms = tuple(f"arm_{i}" for i in range(100))
    views = {Selection("desk", arms=arms[:n], seeds=tuple(range(s))).view for n in (99, 100) for s in (0, 200)}
    assert len(views) == 4
    assert all(re.fullmatch(r"other/[\w.@-]{1,150}", view) for view in views)
    assert Selection("desk", arms=("../../x", "a/b")).view == "other/desk-.._.._x-a_b"


@pytest.fixture
def card(tmp_path):
    """Read a card of the project with some of its keys replaced."""

    def changed(of, **keys):
        content = {**yaml.safe_load((CARDS / f"{of}.yaml").read_text()), **keys}
        (tmp_path / f"{of}.yaml").write_text(yaml.safe_dump(content))
        return read_card(of, tmp_path)

    return changed


@pytest.mark.parametrize("name", known_names(CARDS))
def test_the_cards_themselves_are_good(card, name):
    assert card(name).checksum == read_card(name, CARDS).checksum


DEBIAN = {"name": "debian", "package": "dataset-fashion-mnist", "path": "usr/share"}
SUM = "0" * 64


SPOILED = {
    "files": [
        *({file: SUM} for file in ("../x.npy", "/x.npy", "x.npz", "", ".npy", "a/b.npy", "x.npy\n")),
        *({"x.npy": value} for value in ("0" * 63, "G" * 64, 0, None, f"{SUM}\n", "../x")),
    ],
    "originals": [{"../x": SUM}, {"x": 3}, []],
    "size": [{}, {"classes": 0}, {"classes": "10"}, {"classes": 1e300}, {"classes": True}, [], None, "x"],
    "mean": ["1", None, True, math.nan, math.inf, 1e300, [1]],
    "std": ["1", None, True, math.nan, 0, -1],
    **{key: [None, 3, "", []] for key in ("title", "licence", "split", "description", "homepage")},
    "kind": ["pickle", None, [], 1],
    "name": ["../digits", "digitz", 3, None],
    "zzz": [1],
    "root": ["/"],
    "sources": [
        *([], None, {}, ["folder"], [{}], [{"name": "shell"}], [3]),
        [{"name": "scikit-learn", "train": 1500}],
        [{"name": "scikit-learn", "train": -1, "seed": 0}],
        [{"name": "scikit-learn", "train": 1500, "seed": 0, "x": 1}],
        [{"name": "planted partition", "nodes": 5000}],
        *([{"name": "beside card", "file": file}] for file in ("../x.npz", "/x.npz", "x.pkl", 3, "")),
        *([{**DEBIAN, "package": package}] for package in ("-oDebug=1", "../x", "a b", "", "$(id)", 3)),
        *([{**DEBIAN, "path": path}] for path in ("/etc", "../etc", "usr/../../etc", "", "a/", 3)),
        *([{"name": "upstream", "url": url}] for url in ("file:///etc/passwd", "ftp://x", "http://a b", "", None)),
    ],
}


@pytest.mark.parametrize("key", SPOILED)
def test_a_card_names_nothing_outside_and_nothing_odd(card, key):
    for value in SPOILED[key]:
        with pytest.raises(ArchipelagoError, match=r"key data: .*digits\.yaml") as caught:
            card("digits", **{key: value})
        assert caught.value.remedy
        assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("text", ["mean: 7e1", "mean: 0100.5e1", "title: 2026-11-25", "title: 1:30"])
def test_a_card_that_readers_take_differently_is_refused(card, tmp_path, text):
    card("digits")
    path = tmp_path / "digits.yaml"
    key = text.partition(":")[0]
    path.write_text(re.sub(rf"^{key}: .*$", text, path.read_text(), flags=re.M))
    with pytest.raises(ArchipelagoError, match="key data: "):
        read_card("digits", tmp_path)
