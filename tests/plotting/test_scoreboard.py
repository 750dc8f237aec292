from __future__ import annotations

from typing import Any

from archipelago.plotting.scoreboard import WIDTH, scoreboard_text, tally


def test_every_hypothesis_has_a_line_with_its_verdict(verdicts: dict[str, Any]) -> None:
    lines = scoreboard_text([("tiny", verdicts), ("twin", verdicts)]).splitlines()
    assert lines[0] == "tiny: 1 supported, 1 not run"
    assert any(line.startswith("H1   + supported") and "0.0800 [0.0800, 0.0800] n=3" in line for line in lines)
    assert any(line.startswith("H2   - not run") and line.endswith("Never was never run") for line in lines)
    assert lines[-1] == "all: 2 supported, 2 not run"


def test_long_statements_are_wrapped_and_nothing_is_lost() -> None:
    statement = "The overhead in gradients is linear " * 6
    judged = {"verdict": "refuted", "statement": statement, "effect": -0.1234, "interval": [-0.2, -0.1], "n": 15}
    text = scoreboard_text([("monna", {"hypotheses": {"H1": judged}})])
    assert max(map(len, text.splitlines())) <= WIDTH
    assert " ".join(text.split()).count("overhead") == 6


def test_a_tally_names_only_what_occurs() -> None:
    assert tally({"a": {"verdict": "refuted"}, "b": {"verdict": "refuted"}}) == "2 refuted"
