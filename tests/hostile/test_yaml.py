"""What YAML can do beyond plain data is refused while it is read, quickly, and without anything being run."""

import resource
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archipelago.errors import ArchipelagoError
from archipelago.studies.study import read_yaml
from tests.hostile.mutations import ROOT, Examined, leaves
from tests.hostile.test_studies import assert_told, bounded

TINY = (ROOT / "tests/pipeline/tiny.yaml").read_text()
CONTENT = read_yaml(ROOT / "tests/pipeline/tiny.yaml")
TITLE = "title: A study small enough to be run in every test"


def read(folder: Path, text: str | bytes) -> dict:
    """What a study's file says whose title is replaced, or whose every byte is given."""
    path = folder / "tiny.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return read_yaml(path, "tiny")


def laughs(levels: int, wide: int, form: str = "[{}]") -> str:
    """Anchors each of which stands for many of the one before."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {form.format(', '.join([f'*a{i - 1}'] * wide))}" for i in range(1, levels)]
    return "\n".join(lines)


TRICKS = {
    "an object of Python": "title: !!python/object/apply:os.mkdir [sprung]",
    "a new object of Python": "title: !!python/object/new:os.mkdir [sprung]",
    "a name of Python": "title: !!python/name:os.system ''",
    "a module of Python": "title: !!python/module:antigravity ''",
    "a tuple": "title: !!python/tuple [a]",
    "a tag of ours": "title: !include /etc/passwd",
    "a set": "title: !!set {a, b}",
    "an ordered mapping": "title: !!omap [a: 1]",
    "bytes": "title: !!binary aGVsbG8=",
    "a number by tag": 'title: !!int "3"',
    "a text by tag": "title: !!str 3",
    "a thousand million laughs": laughs(12, 9),
    "laughs that are merged": laughs(12, 9, "{{<<: [{}]}}"),
    "an alias within itself": "title: &t [*t]",
    "an alias within its mapping": "title: &t {a: *t}",
    "a merge of itself": "title: &t {<<: *t}",
    "an alias of nothing": "title: *nothing",
    "two anchors of one name": "title: &t a\nnotes: [&t b, *t]",
    "a key that stands twice": "title: a\ntitle: b",
    "a key that stands twice, once in quotes": "title: a\n'title': b",
    "a merge that stands twice": "a: &a {x: 1}\ntitle: {<<: *a, <<: *a}",
    "a merge of a text": "title: {<<: a}",
    "a merge of numbers": "title: {<<: [1, 2]}",
    "a number as a key": "1: a",
    "true as a key": "on: a",
    "null as a key": "~: a",
    "nothing as a key": ": a",
    "a list as a key": "[a, b]: c",
    "a mapping as a key": "{a: b}: c",
    "a key of two lines": '"a\\nb": c',
    "a long key": f"? {'k' * 500}\n: a",
    "a second document": "title: a\n---\ntitle: b",
    "a directive": "%TAG ! tag:x,2000:\n---\ntitle: a",
    "deep lists": f"title: {'[' * 60}{']' * 60}",
    "very deep lists": f"title: {'[' * 100_000}{']' * 100_000}",
    "very deep mappings": "\n".join(" " * i + "a:" for i in range(2000)),
    "lists that do not end": f"title: {'[' * 100}",
    "many values": f"notes: [{'x, ' * 100_000}]",
    "many keys": "\n".join(f"k{i}: 1" for i in range(30_000)),
    "tabs": "title:\n\tx: 1",
    "a zero byte": "title: a\x00b",
    "an escaped zero byte": 'title: "a\\0b"',
    "an escape sequence of terminals": 'title: "\\e[2J"',
    "half a character": 'title: "\\ud800"',
    "a number with too many digits": f"title: {'9' * 5000}",
    "a brace that does not end": "title: {a: 1",
    "a quote that does not end": 'title: "a',
    "a percent sign": "title: %a",
    "an at sign": "title: @a",
}
HARMLESS = {
    "a byte order mark": "\ufeff" + TINY,
    "line ends of Windows": TINY.replace("\n", "\r\n"),
    "comments": TINY.replace("\n", " # !!python/object:os.system *x &y\n", 3),
    "a document's start and end": f"---\n{TINY}...\n",
    "quotes": TINY.replace("slug: tiny", '"slug": "tiny"'),
    "an anchor": TINY.replace("seeds: [1, 2]", "seeds: &s [1, 2]"),
    "a merge": TINY.replace("{lr: 0.1, local_epochs: 2,", "{<<: {lr: 0.1, local_epochs: 3}, local_epochs: 2,"),
    "a number in another form": TINY.replace("lr: 0.1,", "lr: 1e-1,").replace("samples: 300", "samples: +3_00"),
    "flow for block": TINY.replace(TITLE, "? title\n: >-\n  A study small enough\n  to be run in every test"),
}
OTHERWISE = {
    "octal numbers": ("rounds: 6", "rounds: 010"),
    "numbers to the base sixty": ("rounds: 6", "rounds: 1:30"),
    "hexadecimal numbers": ("rounds: 6", "rounds: 0x10"),
    "yes": ("rounds: 6", "rounds: yes"),
    "a float": ("rounds: 6", "rounds: 6.0"),
    "infinity": ("lr: 0.1,", "lr: .inf,"),
    "not a number": ("lr: 0.1,", "lr: .nan,"),
    "a huge exponent": ("lr: 0.1,", "lr: 1e400,"),
    "no for a name": ("plain], seeds: [1]}", "no], seeds: [1]}"),
    "null for a mapping": ("skewed: {", "skewed: ~ #"),
    "a date": ("family: federated", "family: 2026-11-25"),
    "a merge over another arm's": ("fedavg: {title: FedAvg,", "fedavg: {<<: {titel: FedAvg}, title: FedAvg,"),
    "digits of another script": ("rounds: 6", "rounds: ٦"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused_while_it_is_read(trick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = time.process_time()
    with pytest.raises(ArchipelagoError, match=r"study tiny: .*tiny\.yaml is not valid YAML") as caught:
        read(tmp_path, TINY.replace(TITLE, TRICKS[trick]) if "document" not in trick else TRICKS[trick])
    assert time.process_time() - before < 2
    assert len(str(caught.value)) < 1000
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny.yaml"]


@pytest.mark.parametrize("form", HARMLESS)
def test_another_form_says_the_same(form, tmp_path):
    assert HARMLESS[form] != TINY
    assert read(tmp_path, HARMLESS[form]) == CONTENT


@pytest.mark.parametrize("slip", OTHERWISE)
def test_a_value_in_disguise_is_refused(slip, tmp_path):
    old, new = OTHERWISE[slip]
    assert old in TINY
    examined = Examined(ROOT / "tests/pipeline/tiny.yaml")
    refusal = examined.refusal(read(tmp_path, TINY.replace(old, new)))
    assert refusal is not None
    assert_told(refusal, "tiny")


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", TINY.encode("utf-16"), TINY.encode() + b"\xff", b"\x80", TINY.encode() + "é".encode("latin-1")],
)
def test_what_is_no_utf8_is_refused(content, tmp_path):
    with pytest.raises(ArchipelagoError, match="is not valid YAML"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", ["", "# nothing\n", "text", "- a", "null", "3"])
def test_what_is_no_mapping_is_refused(content, tmp_path):
    with pytest.raises(ArchipelagoError, match="holds no mapping"):
        read(tmp_path, content)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ArchipelagoError, match="cannot be read"):
        read_yaml(tmp_path, "tiny")
    with pytest.raises(ArchipelagoError, match="does not exist"):
        read_yaml(tmp_path / "none.yaml", "tiny")


def test_a_bomb_takes_no_memory(tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for trick in ("a thousand million laughs", "laughs that are merged", "very deep lists", "many values", "many keys"):
        with pytest.raises(ArchipelagoError):
            read(tmp_path, TRICKS[trick])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


EXAMINED = Examined(ROOT / "tests/pipeline/tiny.yaml")
SIGNS = [b"\t", b"\n", b"&a ", b"*a", b"!!", b"<<: ", b"- ", b"{"]
BYTES = st.one_of(st.binary(min_size=1, max_size=3), st.sampled_from(SIGNS))


@pytest.mark.slow
@bounded(150)
@given(place=st.integers(0, len(TINY) - 1), cut=st.integers(0, 4), put=BYTES)
def test_bytes_that_are_changed_somewhere_are_told_or_can_be_explained(tmp_path_factory, place, cut, put):
    text = TINY.encode()
    folder = tmp_path_factory.mktemp("bytes")
    try:
        content = read(folder, text[:place] + put + text[place + cut :])
    except ArchipelagoError as error:
        assert "tiny.yaml" in str(error)  # noqa: PT017
        return
    refusal = EXAMINED.refusal(content)
    if refusal is not None:
        assert_told(refusal, "tiny")
        return
    was, now = dict(leaves(CONTENT)), dict(leaves(content))
    if was.keys() == now.keys():
        plain = [at for at, value in now.items() if not isinstance(value, dict | list)]
        assert all(EXAMINED.excuse(at, was[at], now[at]) for at in plain if was[at] != now[at])
