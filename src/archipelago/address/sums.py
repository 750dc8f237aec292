"""What was written and what lies there: a folder's SHA256SUMS, as ``sha256sum --check`` reads it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from archipelago.address.files import write_aside
from archipelago.errors import ArchipelagoError

SUMS = "SHA256SUMS"


def write_sums(folder: Path) -> None:
    """List all files of a folder with their hashes, in the folder."""
    lines = [_line(path) for path in sorted(folder.iterdir()) if path.name != SUMS and not path.name.startswith(".")]
    with write_aside(folder / SUMS) as part:
        part.write_text("".join(lines))


def check_sums(folder: Path, *names: str) -> None:
    """Hash files of a folder again. Formats have checksums of their own, but none that covers every byte.

    Raises:
        ArchipelagoError: one is missing, or another than was written.
    """
    if not (folder / SUMS).exists():
        return
    listed = (folder / SUMS).read_bytes().splitlines(keepends=True)
    for name in names:
        there = (folder / name).is_file()
        if not there or _line(folder / name).encode() not in listed:
            raise ArchipelagoError(
                f"{folder / name} is {'damaged' if there else 'missing'}",
                key="store",
                remedy=f"Delete {folder} and give the same command again, or `dvc pull`.",
            )


def _line(path: Path) -> str:
    with path.open("rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n"
