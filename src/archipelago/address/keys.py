"""Keys: a digest of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical(content: Any) -> str:
    """The one JSON text of plain data: sorted keys, no spaces, no not-a-number."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def key_of(content: Any) -> str:
    """The key (20 hex digits) of plain data."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()[:20]
