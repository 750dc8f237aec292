"""Make a prepared data set from its source, whole or not at all, and check one that is there."""

from __future__ import annotations

import hashlib
import io
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from archipelago.address.files import folder_aside, write_aside
from archipelago.data.cards import CARDS, Card, load_card
from archipelago.data.sources import SOURCES, Arrays, variable
from archipelago.errors import ArchipelagoError

SUMS = "SHA256SUMS"
"""The file that marks a prepared set as whole."""


def prepare(name: str, source: str = "auto", root: Path = CARDS) -> Path:
    """Make the prepared set ``data/<name>-<checksum>/`` and say which source served; a sound one is left as it is.

    Every source gives the same bytes: the files are written beside the target, compared with the card's hashes, and
    only then renamed.

    Args:
        name: of a card.
        source: a source that the card names, or "auto": the card's sources in their order, the first that can serve.
        root: the folder of the cards.

    Returns:
        The folder of the prepared set.

    Raises:
        ArchipelagoError: no source can serve (all their reasons are listed), or a source gave other data than the card
            describes.
    """
    card = load_card(name, root)
    sums = card.folder / SUMS
    if hashes(card.folder):
        verify(name, root)
        if not sums.exists():
            with write_aside(sums) as aside:
                aside.write_text(listing(card))
        return card.folder
    start = time.perf_counter()
    served, arrays = fetch(card, source)
    with folder_aside(card.folder) as aside:
        for array, values in arrays.items():
            content = io.BytesIO()  # NumPy itself would not say that a disk is full
            np.save(content, np.ascontiguousarray(values), allow_pickle=False)
            (aside / f"{array}.npy").write_bytes(content.getbuffer())
        found = hashes(aside)
        if found != card.files:
            lines = "".join(f"\n  {file}: {sha}" for file, sha in found.items())
            raise ArchipelagoError(
                f"source {served!r} of data set {name!r} gave other files than its card describes",
                key="data",
                remedy=f"If the set is new or meant to change, write this into the card:\nfiles:{lines}",
            )
        (aside / SUMS).write_text(listing(card))
    print(f"{name}: prepared from {served} in {time.perf_counter() - start:.1f} s: {card.folder}", flush=True)
    return card.folder


def listing(card: Card) -> str:
    """The prepared files and their hashes, as ``sha256sum --check`` reads them."""
    return "".join(f"{card.files[file]}  {file}\n" for file in sorted(card.files))


def fetch(card: Card, source: str) -> tuple[str, Arrays]:
    """The name of the source that served, and the arrays it gave."""
    offered = [str(entry["name"]) for entry in card.sources]
    if source != "auto" and source not in offered:
        raise ArchipelagoError(
            f"data set {card.name!r} has no source {source!r}",
            key="source",
            remedy=f"Use one of: auto, {', '.join(offered)}.",
        )
    reasons = []
    for entry in card.sources:
        if source in ("auto", entry["name"]):
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    return entry["name"], SOURCES[entry["name"]](card, entry, Path(scratch))
                except ArchipelagoError as error:
                    reasons.append(f"\n  {entry['name']}: {str(error).removesuffix('.')}")
    by_hand = (
        f"put the source files into a folder and set {variable(card, 'FOLDER')} to it" if "folder" in offered else ""
    )
    raise ArchipelagoError(
        f"no source of data set {card.name!r} can serve:{''.join(reasons)}",
        key="data",
        remedy=f"Mend one of them, {by_hand + ', ' if by_hand else ''}or `dvc pull`.",
    )


def verify(name: str, root: Path = CARDS) -> None:
    """Hash the prepared files of a set again and compare them with its card.

    Raises:
        ArchipelagoError: the folder or a file is missing, or a file has another hash.
    """
    card = load_card(name, root)
    found = hashes(card.folder)
    wrong = [
        f"{file} is {'changed' if file in found else 'missing'}"
        for file in card.files
        if found.get(file) != card.files[file]
    ]
    if wrong:
        raise ArchipelagoError(
            f"{card.folder}: {', '.join(wrong)}",
            key="data",
            remedy="Delete that folder and run `snakemake data` again, or `dvc pull`.",
        )


def hashes(folder: Path) -> Mapping[str, str]:
    """The sha256 of every ``.npy`` file in a folder, by name."""
    found = {}
    for path in sorted(folder.glob("*.npy")):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
