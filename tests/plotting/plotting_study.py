"""A small study with everything that figures and pages show, and its table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

LEVELS = {"ours": 0.80, "rival": 0.70, "poor": 0.72, "never": 0.0}
SEEDS, ROUNDS = (1, 2, 3), (1, 2, 3, 4)

STUDY: dict[str, Any] = {
    "slug": "tiny",
    "title": "Tiny",
    "claim": "Ours is better.",
    "paper": {"authors": "A. Author", "venue": "Venue", "year": 2024, "url": "https://example.org/paper"},
    "notes": ["2026-01-01: fewer rounds."],
    "base": {"data": "digits", "rounds": 4, "method": {"init_args": {"batch_size": 25}}},
    "scales": {"desk": {"blocks": []}},
    "arms": {
        "ours": {"title": "Ours", "role": "method", "method": {"class_path": "a.b.Ours", "init_args": {"lr": 0.1}}},
        "rival": {"title": "Rival", "role": "baseline"},
        "poor": {"title": "Poor"},
        "never": {"title": "Never run"},
    },
    "conditions": {"even": {"title": "even split"}, "odd": {"title": "odd split"}, "absent": {"title": "absent"}},
    "pairing": {"interval": "t", "level": 0.95},
    "quantities": {"final": {"metric": "accuracy", "last": 2}, "spent": {"metric": "cost", "all_rows": "max"}},
    "hypotheses": {
        "H1": {
            "statement": "Ours ends above the rival",
            "parts": [
                {
                    "effect": "difference",
                    "quantity": "final",
                    "condition": "even",
                    "of": "ours",
                    "against": {"largest_of": ["rival", "poor"]},
                    "at_least": 0.02,
                    "interval_above": 0,
                },
            ],
        },
        "H2": {
            "statement": "Never was never run",
            "parts": [
                {
                    "effect": "ratio",
                    "quantity": "final",
                    "condition": "odd",
                    "of": "ours",
                    "against": "never",
                    "above": 1,
                },
            ],
        },
    },
    "figures": {
        "course": {"kind": "curves", "title": "Course", "metric": "accuracy", "label": "accuracy", "percent": True},
        "price": {
            "kind": "curves",
            "title": "Price",
            "metric": "accuracy",
            "label": "accuracy",
            "against": {"metric": "cost", "label": "cost"},
            "arms": ["rival", "ours"],
            "conditions": ["odd"],
        },
        "ends": {
            "kind": "points",
            "title": "Ends",
            "quantity": "final",
            "label": "accuracy",
            "conditions": {"worst": {"smallest_of": ["even", "odd"]}},
            "mark": 0.75,
        },
        "split": {
            "kind": "sweep",
            "title": "Split",
            "quantity": "final",
            "label": "accuracy",
            "arms": ["ours", "rival"],
            "conditions": {"even": "even", "odd": "odd"},
            "positions": [1, 3],
            "x_label": "oddness",
        },
        "map": {"kind": "heatmap", "title": "Map", "quantity": "final", "label": "accuracy", "percent": True},
        "growth": {
            "kind": "scaling",
            "title": "Growth",
            "quantity": "spent",
            "label": "cost",
            "positions": [10, 1000],
            "x_label": "size",
            "conditions": ["even", "odd"],
        },
        "bargain": {
            "kind": "tradeoff",
            "title": "Bargain",
            "quantity": "final",
            "label": "accuracy",
            "against": {"quantity": "spent", "label": "cost"},
        },
    },
}


def accuracy(arm: str, condition: str, seed: int, round: int) -> float:
    """What the table holds: it grows with the round, differs between seeds, and `odd` is harder."""
    return LEVELS[arm] - 0.4 / round + 0.01 * seed - (0.05 if condition == "odd" else 0.0)


def make_table() -> pd.DataFrame:
    rows = [
        {
            "arm": arm,
            "condition": condition,
            "seed": seed,
            "key": f"{arm}-{condition}-{seed}",
            "round": round,
            "accuracy": accuracy(arm, condition, seed, round) if round != 2 else np.nan,
            "cost": (1.0 if condition == "even" else 10.0) * (1 if arm == "ours" else 2),
            "bytes_up": 1e6,
            "bytes_down": 2e6,
            "run_cpu_seconds": 3.0 + seed,
            "diverged": False,
        }
        for arm in ("ours", "rival", "poor")
        for condition in ("even", "odd")
        if (arm, condition) != ("poor", "odd")
        for seed in SEEDS
        for round in ROUNDS
    ]
    return pd.DataFrame(rows).astype({"arm": "category", "condition": "category", "key": "category"})
