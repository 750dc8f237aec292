"""Named, keyed, independent streams of randomness.

Every draw in the project comes from a stream named by (seed, purpose, ids...), for example
``torch_stream(seed, "batches", round, client)``. Adding a stream shifts no other, and a run resumed at round 17 draws
there what it would have drawn without the interruption.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def stream_seed(seed: int, purpose: str, *ids: int | str) -> int:
    """The 63-bit seed of the stream that is named by all the arguments."""
    name = "/".join(map(str, (seed, purpose, *ids)))
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") >> 1


def torch_stream(seed: int, purpose: str, *ids: int | str) -> torch.Generator:
    """A CPU generator at the beginning of the named stream."""
    import torch  # two seconds that what needs only NumPy does not pay

    return torch.Generator().manual_seed(stream_seed(seed, purpose, *ids))


def numpy_stream(seed: int, purpose: str, *ids: int | str) -> np.random.Generator:
    """A NumPy generator at the beginning of the named stream."""
    return np.random.default_rng(stream_seed(seed, purpose, *ids))
