"""The scoreboard in the terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from archipelago.plotting.text import with_interval

WIDTH = 100
ORDER = ("supported", "refuted", "inconclusive", "not run")
MARKS = {"supported": "+", "refuted": "x", "inconclusive": "?", "not run": "-"}


def scoreboard_text(studies: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Every hypothesis with its verdict, effect, interval and n, as plain text no wider than 100 columns.

    Args:
        studies: for each study its slug and its verdicts, as in ``verdicts.json``.
    """
    every = [judged for _, verdicts in studies for judged in verdicts["hypotheses"].values()]
    wide = max((len(with_interval(judged["effect"], judged["interval"])) for judged in every), default=0)
    lines: list[str] = []
    for slug, verdicts in studies:
        hypotheses = verdicts["hypotheses"]
        lines += [f"{slug}: {tally(hypotheses)}", "-" * WIDTH]
        for name, judged in hypotheses.items():
            n = f"n={judged['n']}" if judged["n"] else ""
            number = with_interval(judged["effect"], judged["interval"])
            head = f"{name:<4} {MARKS[judged['verdict']]} {judged['verdict']:<12} {number:<{wide}} {n:<5} "
            statement = textwrap.wrap(judged["statement"], max(20, WIDTH - len(head))) or [""]
            lines.append((head + statement[0]).rstrip())
            lines += [" " * len(head) + more for more in statement[1:]]
        lines.append("")
    if len(studies) > 1:
        lines.append(
            f"all: {tally({f'{slug} {name}': one for slug, v in studies for name, one in v['hypotheses'].items()})}"
        )
    return "\n".join(lines).rstrip()


def tally(hypotheses: Mapping[str, Mapping[str, Any]]) -> str:
    """How many hypotheses have which verdict, in words."""
    counts = Counter(judged["verdict"] for judged in hypotheses.values())
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict])
