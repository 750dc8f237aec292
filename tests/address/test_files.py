import pytest

from archipelago.address.files import folder_aside, write_aside, write_json
from archipelago.address.keys import key_of


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "file"
    with pytest.raises(ZeroDivisionError), write_aside(target) as part:
        part.write_text(str(1 / 0 if part.write_text("half") else ""))
    assert list(target.parent.iterdir()) == []
    with write_aside(target) as part:
        part.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_rewrite_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "f.json", {"a": 1})
    with pytest.raises(ValueError, match="nan"):
        write_json(tmp_path / "f.json", {"a": float("nan")})
    assert (tmp_path / "f.json").read_text() == '{\n "a": 1\n}\n'


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "folder"
    with pytest.raises(ZeroDivisionError), folder_aside(target) as part:
        (part / "a").write_text(str(1 / 0 if (part / "b").write_text("half") else ""))
    assert list(tmp_path.iterdir()) == []
    target.mkdir()  # Snakemake makes an output's folder before the job
    with folder_aside(target) as part:
        (part / "a").write_text("1")
    assert [p.name for p in target.iterdir()] == ["a"]


def test_the_first_of_two_writers_of_a_folder_stays(tmp_path):
    with folder_aside(tmp_path / "f") as part:
        (part / "a").write_text("second")
        with folder_aside(tmp_path / "f") as first:
            (first / "a").write_text("first")
    assert (tmp_path / "f" / "a").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_key_does_not_depend_on_the_order_of_keys_but_on_every_value():
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert len({key_of({"a": v}) for v in (1, 1.5, "1", True, None, [1], {"b": 1})}) == 7
