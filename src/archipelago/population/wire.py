"""What is sent, counted in bytes at the moment it is sent."""

from __future__ import annotations

from torch import Tensor

Message = dict[str, Tensor]


def payload_bytes(message: Message) -> int:
    """Length in bytes of a message's tensors on the wire (names are known to both sides and cost nothing)."""
    return sum(tensor.numel() * tensor.element_size() for tensor in message.values())
