"""The IDX format of MNIST and its kin: a big-endian header, then bytes."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np

from archipelago.errors import ArchipelagoError


def read_bytes(folder: Path, name: str) -> bytes:
    """The uncompressed content of ``folder/name`` or, if there is none, of ``folder/name.gz``.

    Raises:
        ArchipelagoError: there is neither, or the compressed one is damaged.
    """
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        return plain.read_bytes()
    if not packed.is_file():
        raise ArchipelagoError(f"{folder} has neither {name} nor {name}.gz")
    try:
        return gzip.decompress(packed.read_bytes())
    except (OSError, EOFError) as error:
        raise ArchipelagoError(f"{packed} is damaged: {error}") from error


def parse_idx(content: bytes) -> np.ndarray:
    """The array of unsigned bytes in an IDX file: uint8, with the shape of its header.

    Raises:
        ArchipelagoError: not an IDX file of unsigned bytes, or its length is not that of its header.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ArchipelagoError("not an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) != start + math.prod(shape):
        raise ArchipelagoError(f"IDX file of {len(content)} bytes, its header says shape {shape}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
