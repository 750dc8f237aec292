import gzip
import http.server
import os
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from archipelago.data.cards import load_card
from archipelago.data.prepare import prepare, verify
from archipelago.data.sources import IDX_FILES
from archipelago.errors import ArchipelagoError


@pytest.fixture
def no_apt(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def url(originals):
    """The source files, all compressed, served on loopback."""
    for name in IDX_FILES.values():
        if (originals / name).exists():
            (originals / f"{name}.gz").write_bytes(gzip.compress((originals / name).read_bytes()))
            (originals / name).unlink()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(originals)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fake_apt(tmp_path, monkeypatch, originals, needs_update):
    """An apt-get that hands out a package made here; with ``needs_update`` it knows none until ``update`` ran."""
    tree = tmp_path / "package"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: dataset-tiny\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: tiny\n"
    )
    shutil.copytree(originals, tree / "usr/share/tiny")
    deb = tmp_path / "dataset-tiny_1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, deb], check=True, capture_output=True)
    fake = tmp_path / "bin/apt-get"
    fake.parent.mkdir()
    known = tmp_path / "known"
    if not needs_update:
        known.touch()
    fake.write_text(
        f"""#!/bin/sh
case "$*" in
*update*) touch {known} ;;
*download*) if [ -e {known} ]; then cp {deb} .; else echo "E: Unable to locate package" >&2; exit 100; fi ;;
esac
"""
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")


def assert_prepared(folder, arrays):
    assert {path.name for path in folder.iterdir()} == {"SHA256SUMS", *(f"{name}.npy" for name in arrays)}
    subprocess.run(["/usr/bin/env", "-i", "sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    for name, values in arrays.items():
        stored = np.load(folder / f"{name}.npy", allow_pickle=False, mmap_mode="r")
        assert stored.dtype == values.dtype
        np.testing.assert_array_equal(stored, values)
    assert [path.name for path in Path("data").iterdir()] == [folder.name], "nothing is left beside the set"


def test_from_a_folder(project, originals, arrays, monkeypatch, capsys):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    folder = prepare("tiny")
    assert folder == load_card("tiny").folder
    assert_prepared(folder, arrays)
    assert "tiny: prepared from folder in" in capsys.readouterr().out


def test_into_an_empty_folder_that_the_workflow_made(project, originals, arrays, monkeypatch):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    load_card("tiny").folder.mkdir(parents=True)
    assert_prepared(prepare("tiny"), arrays)


def test_from_upstream_through_a_mirror(project, url, arrays, monkeypatch, capsys, no_apt):
    monkeypatch.setenv("ARCHIPELAGO_TINY_URL", url)
    assert_prepared(prepare("tiny"), arrays)
    assert "prepared from upstream" in capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
@pytest.mark.parametrize("needs_update", [False, True])
def test_from_a_debian_package(project, originals, arrays, tmp_path, monkeypatch, capsys, needs_update):
    fake_apt(tmp_path, monkeypatch, originals, needs_update)
    assert_prepared(prepare("tiny"), arrays)
    assert "prepared from debian" in capsys.readouterr().out


def test_a_named_source_is_used_alone(project, originals, monkeypatch, no_apt):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    with pytest.raises(ArchipelagoError, match="no apt-get") as error:
        prepare("tiny", source="debian")
    assert "folder:" not in str(error.value)
    with pytest.raises(ArchipelagoError, match=r"has no source 'nowhere'.*auto, folder, debian, upstream"):
        prepare("tiny", source="nowhere")


def test_when_all_fail_one_error_lists_every_reason_and_a_remedy(project, no_apt):
    with pytest.raises(ArchipelagoError) as error:
        prepare("tiny")
    message = str(error.value)
    assert error.value.key == "data"
    assert "folder: ARCHIPELAGO_TINY_FOLDER is not set" in message
    assert "debian: this machine has no apt-get" in message
    assert "upstream: cannot download http://127.0.0.1:1/train-images-idx3-ubyte.gz" in message
    assert "set ARCHIPELAGO_TINY_FOLDER" in error.value.remedy
    assert not list(Path("data").glob("*"))


def test_a_changed_source_file_is_refused(project, originals, monkeypatch):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    path = originals / IDX_FILES["test_labels"]
    path.write_bytes(path.read_bytes()[:-1] + b"\x02")
    with pytest.raises(ArchipelagoError, match="is not the file that the card of tiny describes"):
        prepare("tiny", source="folder")


def test_other_bytes_than_the_card_says_are_refused_and_nothing_stays(project, originals, monkeypatch):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    path = project / "config/data/tiny.yaml"
    card = yaml.safe_load(path.read_text())
    right = card["files"]["train_labels.npy"]
    card["files"]["train_labels.npy"] = "0" * 64
    path.write_text(yaml.safe_dump(card))
    with pytest.raises(ArchipelagoError, match="gave other files than its card describes") as error:
        prepare("tiny")
    assert f"train_labels.npy: {right}" in error.value.remedy
    assert not list(Path("data").glob("*"))


def test_a_sound_set_is_left_alone_and_a_damaged_one_is_not_overwritten(project, originals, monkeypatch, capsys):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    folder = prepare("tiny")
    monkeypatch.delenv("ARCHIPELAGO_TINY_FOLDER")
    capsys.readouterr()
    assert prepare("tiny") == folder
    assert capsys.readouterr().out == ""
    (folder / "SHA256SUMS").unlink()
    prepare("tiny")
    assert (folder / "SHA256SUMS").is_file()
    (folder / "test_labels.npy").unlink()
    with pytest.raises(ArchipelagoError, match=r"test_labels\.npy is missing"):
        prepare("tiny")


def test_verify_sees_one_flipped_bit(project, originals, monkeypatch):
    with pytest.raises(ArchipelagoError, match=r"train_images\.npy is missing.*dvc pull"):
        verify("tiny")
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    folder = prepare("tiny")
    verify("tiny")
    content = bytearray((folder / "train_images.npy").read_bytes())
    content[-1] ^= 1
    (folder / "train_images.npy").write_bytes(content)
    with pytest.raises(ArchipelagoError, match=r"key data: .*: train_images\.npy is changed\. Delete that folder"):
        verify("tiny")


def test_all_sources_give_the_same_bytes(project, originals, url, monkeypatch, no_apt):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    monkeypatch.setenv("ARCHIPELAGO_TINY_URL", url)
    content = []
    for source in ("folder", "upstream"):
        folder = prepare("tiny", source)
        content.append({path.name: path.read_bytes() for path in folder.iterdir()})
        shutil.rmtree(folder)
    assert content[0] == content[1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", None])
def test_a_damaged_file_beside_a_card_is_named(project, content):
    path = project / "config/data/tiny.yaml"
    card = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**card, "sources": [{"name": "beside card", "file": "tiny.npz"}]}))
    if content is not None:
        path.with_name("tiny.npz").write_bytes(content)
    with pytest.raises(ArchipelagoError, match=r"cannot read config/data/tiny\.npz.*Restore it from git"):
        prepare("tiny")
