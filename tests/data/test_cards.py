import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from archipelago.data.cards import known_names, load_card
from archipelago.data.sources import SOURCES
from archipelago.errors import ArchipelagoError

CARDS = Path(__file__).parents[2] / "config/data"


@pytest.mark.parametrize("name", known_names(CARDS))
def test_every_card_of_the_project_is_sound(name):
    card = load_card(name, CARDS)
    assert card.sources
    assert {source["name"] for source in card.sources} <= set(SOURCES)
    expected = {"images": "train_images.npy", "graph": "edges.npy"}[card.kind]
    assert expected in card.files
    for source in card.sources:
        if "file" in source:
            assert (CARDS / source["file"]).stat().st_size < 1_000_000


def test_unknown_name_is_answered_with_a_guess_and_all_names(project):
    with pytest.raises(
        ArchipelagoError, match=r"key data: there is no data set 'tinny'.*Did you mean 'tiny'\?.*Known: tiny"
    ):
        load_card("tinny")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("licence:", "license:", r"unknown key 'license'; no 'licence'"),
        ("name: tiny", "name: huge", r"name is 'huge'"),
        ("kind: images", "kind: sounds", r"kind is 'sounds'"),
        ("mean: 100.0", "", r"no 'mean'"),
        ("title: Tiny", "title: [", r"is not YAML"),
    ],
)
def test_a_wrong_card_names_its_mistake(project, old, new, complaint):
    path = project / "config/data/tiny.yaml"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))
    with pytest.raises(ArchipelagoError, match=complaint):
        load_card("tiny")


def test_checksum_is_that_of_the_sorted_lines(project):
    card = load_card("tiny")
    shuffled = replace(card, files=dict(reversed(card.files.items())))
    lines = "".join(sorted(f"{name} {sha}\n" for name, sha in card.files.items()))
    assert card.checksum == hashlib.sha256(f"{lines}standardised 100.0 50.0 3\n".encode()).hexdigest()
    assert shuffled.checksum == card.checksum
    assert card.folder == Path(f"data/tiny-{card.checksum[:12]}")


def test_checksum_changes_with_all_that_load_gives(project):
    card = load_card("tiny")
    others = [
        replace(card, mean=101.0),
        replace(card, std=51.0),
        replace(card, size={"classes": 4}),
        replace(card, files={**card.files, "test_labels.npy": "0" * 64}),
    ]
    assert len({card.checksum, *(other.checksum for other in others)}) == 5
