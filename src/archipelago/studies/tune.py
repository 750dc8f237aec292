"""Which of its candidates an arm gets, and the scores that decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from archipelago.address.files import write_json
from archipelago.studies.evaluate import collect
from archipelago.studies.verdicts import measure


def scores(study: Mapping[str, Any], rows: list[dict[str, Any]], runs: Path) -> dict[str, Any]:
    """Score every candidate of a study's tuning.

    A candidate's score is its quantity, averaged over the tuning seeds, then over the conditions of its search (or the
    smallest of them, with ``combine: min``). The best is the first of the best; a diverged run disqualifies.

    Returns:
        ``{"quantity", "maximise", "seeds", "search": [{"arm", "conditions", "combine", "candidates": [{"init_args",
        "scores": {condition: score}, "score"}], "chosen"}], "runs": [{"arm", "condition", "seed", "key", "value"}]}``;
        a run that diverged has no value, its candidate no score.
    """
    tuning = study["tuning"]
    table = collect(rows, runs)
    values = measure(study["slug"], study["quantities"], tuning["quantity"], table)
    return {
        "quantity": tuning["quantity"],
        "maximise": tuning["maximise"],
        "seeds": tuning["seeds"],
        "search": searches(tuning, values),
        "runs": [{**row, "value": values.get((row["arm"], row["condition"], row["seed"]))} for row in rows],
    }


def searches(tuning: Mapping[str, Any], values: Mapping[tuple[str, str, int], float | None]) -> list[dict[str, Any]]:
    """The scores of every candidate, and what was chosen: ``search`` of what ``scores`` returns.

    Args:
        tuning: that section of the study's file.
        values: the quantity of every run, by arm, condition and seed; of runs that diverged none.
    """
    sign = 1 if tuning["maximise"] else -1
    found = []
    for search in tuning["search"]:
        fold = min if search.get("combine") == "min" else fmean
        candidates = []
        for i, init_args in enumerate(search["candidates"]):
            by_condition: dict[str, float | None] = {}
            for condition in search["conditions"]:
                of_seeds = [values.get((f"{search['arm']}#{i}", condition, seed)) for seed in tuning["seeds"]]
                by_condition[condition] = None if None in of_seeds else fmean(of_seeds)  # type: ignore[arg-type]
            whole = None not in by_condition.values()
            score = sign * fold(sign * value for value in by_condition.values()) if whole else None  # type: ignore[operator]
            candidates.append({"init_args": init_args, "scores": by_condition, "score": score})
        ranked = [c for c in candidates if c["score"] is not None]
        chosen = max(ranked, key=lambda c: sign * c["score"])["init_args"] if ranked else None
        found.append(
            {
                "arm": search["arm"],
                "conditions": search["conditions"],
                "combine": search.get("combine", "mean"),
                "candidates": candidates,
                "chosen": chosen,
            }
        )
    return found


def tune(study: Mapping[str, Any], rows: list[dict[str, Any]], runs: Path, target: Path) -> None:
    """Write the scores of a study's tuning as ``target``, the only tuning file of its view."""
    found = scores(study, rows, runs)
    for old in target.parent.glob("tuning-*.json"):
        old.unlink()
    write_json(target, found)
