"""From every number on the pages of the committed evidence a command leads to its runs, and computes it again.

Only what git keeps is looked at: the store is left out of sight, as in a clone that has pulled nothing.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from archipelago.errors import ArchipelagoError
from archipelago.studies.history import History
from archipelago.studies.told import told
from archipelago.studies.trace import View, trace
from archipelago.studies.walk import Document, changes
from tests.site.conftest import SLUGS, desk_site
from tests.site.numbers import Shown, numbers

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository, with the evidence, sources and configs as they lie here."""
    target = tmp_path_factory.mktemp("clone") / "project"
    subprocess.run(["git", "clone", "-q", "--no-checkout", str(ROOT), str(target)], check=True)
    for name in ("src", "config", "results/desk"):
        (target / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", str(ROOT / name), str(target / name)], check=True)
    return target


@pytest.fixture(scope="module")
def views(clone: Path) -> Iterator[dict[str, View]]:
    with History(clone) as history:
        yield {f"desk/{slug}": View(f"desk/{slug}", history) for slug in SLUGS}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Shown]:
    site = desk_site(tmp_path_factory.mktemp("site"))
    return [number for page in sorted(site.glob("*.html")) for number in numbers(page)]


def follow(words: tuple[str, ...], views: dict[str, View]) -> Document:
    """Do what the command line does with these words."""
    parser = argparse.ArgumentParser()
    for word, how in (("target", {}), ("hypothesis", {"nargs": "?"}), ("--arm", {}), ("--condition", {})):
        parser.add_argument(word, **how)  # type: ignore[arg-type]
    asked = parser.parse_args(words)
    view = views[asked.target]
    return view.hypothesis(asked.hypothesis) if asked.hypothesis else view.cells(asked.arm, asked.condition)


def with_runs(view: str) -> bool:
    """Whether the tuning's file keeps the numbers of its runs."""
    return "runs" in json.loads(next((ROOT / "results" / view).glob("tuning-*.json")).read_text())


@pytest.mark.slow
def test_every_number_on_the_pages_leads_to_its_runs_and_is_what_one_computes_again(
    shown: list[Shown], views: dict[str, View]
):
    assert len(shown) > 1000
    walked: dict[tuple[str, ...], Document] = {}
    for number in shown:
        assert number.words, f"{number.place}: no command leads from {number.text!r}"
        if number.words not in walked:
            walked[number.words] = follow(number.words, views)
        found = walked[number.words]
        assert found["runs"], number
        kept = "--arm" not in number.words or (any("#" in word for word in number.words) and with_runs(number.words[0]))
        assert {one["same"] for one in found["numbers"]} == {True if kept else None}, number
        texts = {
            text for one in found["numbers"] for text in (one["shown"], f"{one['shown']} ({one['n']})", f"{one['n']}")
        }
        texts |= {str(len(found["runs"]))}
        reasons = [view["reason"] for view in views[number.words[0]].verdicts.values()]
        reasons += [part["reason"] for view in views[number.words[0]].verdicts.values() for part in view["parts"]]
        assert number.text in texts or number.text in reasons, (number, texts)


@pytest.mark.slow
@pytest.mark.parametrize("slug", SLUGS)
def test_every_run_leads_to_its_config_code_partition_and_data(slug: str, views: dict[str, View]):
    view = views[f"desk/{slug}"]
    for walk in (view.walk, view.tuning_walk):
        assert walk.rows
        for row in walk.rows:
            run = walk.run(row)
            assert run["state"], (
                row
            )  # this checkout or a commit gives the run its key, so all of the following is proven
            assert run["config"]["spec"]["seed"] == row["seed"]
            assert run["code"]["key"]
            assert run["code"]["modules"]["archipelago.studies.train"]
            assert run["code"]["packages"]["numpy"]
            assert len(run["data"]["checksum"]) == 64
            assert run["data"]["name"] == run["config"]["spec"]["data"]
            assert bool(run["partition"]) == ("partition" in run["config"]["spec"])
            if run["partition"]:
                assert row.get("partition") in (None, run["partition"]["key"])
            assert not any(run["files"].values())  # nothing of the store is here, and that is said
            assert run["records"] is None
    assert "not here" in told(view.cells(*[view.rows[0][name] for name in ("arm", "condition", "seed")]))


def test_a_number_that_the_table_does_not_give_is_told(clone: Path, tmp_path: Path):
    subprocess.run(["cp", "-r", str(clone), str(tmp_path / "changed")], check=True)
    file = tmp_path / "changed/results/desk" / SLUGS[0] / "verdicts.json"
    before = file.read_text()
    with History(tmp_path / "changed") as history:
        found = View(f"desk/{SLUGS[0]}", history).hypothesis("H1")
        assert [one["same"] for one in found["numbers"]] == [True] * len(found["numbers"])
        effect = str(found["numbers"][1]["value"])
        file.write_text(before.replace(effect, "12.5"))
        found = View(f"desk/{SLUGS[0]}", history).hypothesis("H1")
    assert False in [one["same"] for one in found["numbers"]]
    assert "ANOTHER when computed again" in told(found)


def test_a_word_that_names_nothing_is_an_error_with_the_nearest_that_does(clone: Path):
    for words, told_of in (
        ({"target": "desk/fedsped"}, "there are no results of 'desk/fedsped'. Did you mean 'desk/fedspeed'?"),
        ({"target": "desk/fedspeed", "hypothesis": "H11"}, "study fedspeed: .*no hypothesis 'H11'. Did you mean 'H1'?"),
        ({"target": "desk/fedspeed", "arm": "fedsped"}, "study fedspeed: key arm: .*Did you mean 'fedspeed'?"),
        ({"target": "desk/fedspeed", "arm": "fedcm", "condition": "cnn"}, "key condition: .*Known: mlp"),
        ({"target": "desk/fedspeed", "arm": "fedcm", "seed": 77}, "key seed: .*Known: 1, 2, 3"),
        ({"target": "desk/fedspeed", "arm": "fedcm#99"}, "key arm: .*fedcm#99"),
        ({"target": "desk/fedspeed", "hypothesis": "H1", "arm": "fedcm"}, "a hypothesis has its own arms"),
        ({"target": "feed0000"}, "no runs have a key that begins with 'feed0000'"),
    ):
        with pytest.raises(ArchipelagoError, match=told_of.replace("?", "\\?")):
            trace(**words, root=clone)


def test_differences_of_nested_settings_are_told_by_path():
    old = {"a": {"b": 1, "c": [1]}, "d": 2, "e": 0}
    new = {"a": {"b": 2, "c": [1]}, "f": {"g": 3}, "e": 0}
    assert changes(old, new) == {"a/b": [1, 2], "d": [2, None], "f": [None, {"g": 3}]}
