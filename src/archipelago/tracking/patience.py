"""What to do when a store fails: begin again, as long as it is away and somebody is willing to wait."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from archipelago.tracking.store import away, failures, reason

RACE = 5.0
"""Seconds after which what two writers do to each other has passed."""


def insist(attempt: Callable[[], None], progress: Callable[[], int], uri: str, wait: float) -> None:
    """Call ``attempt`` until it succeeds. It must be one that goes on where it was interrupted.

    A store that is away is waited for, ``wait`` seconds since it last let us get on (``progress`` grew). Any other
    failure may come from somebody who writes the same at the same time, and is given a moment.

    Raises:
        Exception: the last of the store's failures, if time is up.
    """
    since, done = time.monotonic(), -1
    while True:
        try:
            return attempt()
        except failures() as error:
            if progress() > done:
                since, done = time.monotonic(), progress()
            if time.monotonic() - since >= (wait if away(uri, error) else RACE):
                raise
            print(f"{time.strftime('%H:%M:%S')} trying again: {reason(error)}", file=sys.stderr)
        time.sleep(random.uniform(0.2, 1.5))  # two that stumbled over each other do not keep step


class Sweep:
    """The calls that one ``snakemake`` makes: a store that kept one of them waiting in vain is not waited for again."""

    def __init__(self, name: str, root: Path) -> None:
        """Be the sweep called ``name`` (empty: one that has no other calls) in a checkout."""
        self.name, self.note = name, root / ".cache" / "tracking-gave-up"

    def patience(self, wait: float) -> float:
        """Seconds to wait: ``wait``, or none if a call before this one has given up."""
        given_up = self.name and self.note.exists() and self.note.read_text() == self.name
        return 0.0 if given_up else wait

    def give_up(self) -> None:
        """Tell the calls that come after."""
        self.note.write_text(self.name)
