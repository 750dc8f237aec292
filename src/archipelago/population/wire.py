"""What is sent, counted in bytes at the moment it is sent: the one ledger of all rooms where models meet."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor

Message = dict[str, Tensor]
"""The parts of a message by kind. Kinds, types and shapes are known to both sides and cost nothing."""


def serialise(message: Message) -> bytes:
    """A message as it goes over the wire: its parts one after the other, truth values as bits, eight to a byte."""
    return b"".join(_packed(part.detach().cpu()) for part in message.values())


def _packed(part: Tensor) -> bytes:
    if part.dtype == torch.bool:
        return np.packbits(part.flatten().numpy()).tobytes()
    return part.contiguous().view(torch.uint8).numpy().tobytes() if part.dim() else _packed(part[None])


def length(part: Tensor) -> int:
    """Bytes of one part of a serialised message, without serialising it."""
    return -(-part.numel() // 8) if part.dtype == torch.bool else part.numel() * part.element_size()


class Ledger:
    """Counts bytes by direction and by kind, until they are taken."""

    def __init__(self) -> None:
        self.sent: Counter[tuple[str, str]] = Counter()

    def send(self, direction: str, message: Message, receivers: int = 1) -> Message:
        """Count a message that goes to so many receivers, and hand it on."""
        for kind, part in message.items():
            self.sent[direction, kind] += receivers * length(part)
        return message

    def take(self, kinds: bool = False) -> dict[str, int]:
        """The bytes since they were last taken: ``bytes_<direction>`` or, by kind, ``bytes_<direction>_<kind>``."""
        taken: Counter[str] = Counter()
        for (direction, kind), count in self.sent.items():
            taken[f"bytes_{direction}_{kind}" if kinds else f"bytes_{direction}"] += count
        self.sent.clear()
        return dict(taken)
