"""A text as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Text:
    """A text as the numbers of its characters, cut into a part to train on and one to test on.

    The tensors are memory-mapped, as those of ``Images`` are.
    """

    name: str
    train: Tensor
    """uint8 [n]"""
    test: Tensor
    """uint8 [m]"""
    alphabet: np.ndarray
    """str [k]: the character of each number."""
