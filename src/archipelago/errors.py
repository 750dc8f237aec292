"""One kind of error for everything a user can mend: it says where, what, and how."""

from __future__ import annotations

from typing import NoReturn


class ArchipelagoError(Exception):
    """A mistake outside the code (a config, a file, a server), with its remedy.

    The message is meant to be read alone; scripts print it without a traceback.
    """

    def __init__(self, problem: str, *, study: str | None = None, key: str | None = None, remedy: str = "") -> None:
        """Build the message ``study: key: problem. Remedy.``; absent parts are left out."""
        self.problem, self.study, self.key, self.remedy = problem, study, key, remedy
        where = "".join(f"{name} {value}: " for name, value in (("study", study), ("key", key)) if value)
        tail = f" {remedy}" if remedy else ""
        super().__init__(f"{where}{problem.rstrip('.')}.{tail}")


def die(error: ArchipelagoError) -> NoReturn:
    """End a command with one message instead of a traceback."""
    raise SystemExit(f"error: {error}") from error
