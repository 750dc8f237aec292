"""A tiny MNIST-like set: its four IDX files, and a card that describes them."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml

from archipelago.data.sources import IDX_FILES


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "train_images": rng.integers(256, size=(12, 28, 28), dtype=np.uint8),
        "train_labels": np.arange(12, dtype=np.int64) % 3,
        "test_images": rng.integers(256, size=(5, 28, 28), dtype=np.uint8),
        "test_labels": np.arange(5, dtype=np.int64) % 3,
    }


@pytest.fixture
def originals(arrays: dict[str, np.ndarray], tmp_path: Path) -> Path:
    """A folder with the four source files, two of them compressed."""
    folder = tmp_path / "originals"
    folder.mkdir()
    for array, name in IDX_FILES.items():
        content = idx(arrays[array])
        if "images" in name:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def project(arrays: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, made the working directory, whose only card is that of the set ``tiny``."""
    root = tmp_path / "project"
    (root / "config/data").mkdir(parents=True)
    monkeypatch.chdir(root)
    files = {}
    for array, values in arrays.items():
        path = tmp_path / f"{array}.npy"
        np.save(path, values)
        files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    card = {
        "name": "tiny",
        "title": "Tiny",
        "kind": "images",
        "description": "Noise.",
        "licence": "none",
        "homepage": "none",
        "size": {"classes": 3},
        "split": "by hand",
        "sources": [
            {"name": "folder"},
            {"name": "debian", "package": "dataset-tiny", "path": "usr/share/tiny"},
            {"name": "upstream", "url": "http://127.0.0.1:1"},
        ],
        "originals": {name: hashlib.sha256(idx(arrays[array])).hexdigest() for array, name in IDX_FILES.items()},
        "mean": 100.0,
        "std": 50.0,
        "files": files,
    }
    (root / "config/data/tiny.yaml").write_text(yaml.safe_dump(card))
    return root
