"""Open a prepared data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archipelago.data.cards import CARDS, Card, load_card
from archipelago.data.graphs import Graph
from archipelago.data.texts import Text
from archipelago.errors import ArchipelagoError


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled grey images with a fixed split into training and test set.

    The tensors are memory-mapped: opening them costs nothing, and processes share the pages they read.
    """

    name: str
    train_images: Tensor
    """uint8 [n, height, width]"""
    train_labels: Tensor
    """int64 [n]"""
    test_images: Tensor
    test_labels: Tensor
    classes: int
    mean: float
    """of the training images' grey levels"""
    std: float

    def as_float(self, images: Tensor) -> Tensor:
        """Standardise by ``mean`` and ``std``: uint8 [n, h, w] -> float32 [n, 1, h, w]."""
        return images.unsqueeze(1).to(torch.float32).sub_(self.mean).div_(self.std)


def load(name: str, root: Path = CARDS) -> Images | Graph | Text:
    """Open a prepared data set.

    Raises:
        ArchipelagoError: there is no such card, or the set is not prepared.
    """
    card = load_card(name, root)
    missing = [file for file in card.files if not (card.folder / file).is_file()]
    if missing:
        raise ArchipelagoError(
            f"data set {name!r} is not prepared: {card.folder} lacks {', '.join(missing)}",
            key="data",
            remedy="Run `snakemake data`, or `dvc pull`.",
        )
    if card.kind == "graph":
        arrays = ("edges", "labels", "label_names", "node_names")
        return Graph(name, *(np.load(card.folder / f"{array}.npy", allow_pickle=False) for array in arrays))
    if card.kind == "text":
        alphabet = np.load(card.folder / "alphabet.npy", allow_pickle=False)
        return Text(name, mapped(card, "train"), mapped(card, "test"), alphabet)
    return Images(
        name=name,
        train_images=mapped(card, "train_images"),
        train_labels=mapped(card, "train_labels"),
        test_images=mapped(card, "test_images"),
        test_labels=mapped(card, "test_labels"),
        classes=card.size["classes"],
        mean=card.mean,
        std=card.std,
    )


def mapped(card: Card, array: str) -> Tensor:
    """A stored array as a memory-mapped tensor; copy-on-write, so that nothing can change the file."""
    return torch.from_numpy(np.load(card.folder / f"{array}.npy", mmap_mode="c", allow_pickle=False))
