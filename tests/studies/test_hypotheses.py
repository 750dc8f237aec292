import subprocess
import sys
from typing import Any

import pytest

from archipelago.errors import ArchipelagoError
from archipelago.studies.hypotheses import check

QUANTITIES = {"final": {"metric": "m", "last": 5}}
PART: dict[str, Any] = {
    "effect": "difference",
    "quantity": "final",
    "condition": "c",
    "of": "a",
    "against": "b",
    "at_least": 0,
}
ARMS, CONDITIONS = ["a", "b", "fedspeed"], ["c", "mlp"]


def hypothesis(**changes: Any) -> dict[str, Any]:
    part = {key: value for key, value in {**PART, **changes}.items() if value is not ...}
    return {"statement": "a is better", "parts": [part]}


def complaint(entry: Any, pairing: dict[str, Any] | None = None) -> str:
    with pytest.raises(ArchipelagoError) as caught:
        check("s", QUANTITIES, {"H1": entry}, ARMS, CONDITIONS, pairing)
    return str(caught.value)


def test_a_part_is_read_with_what_stands_around_it():
    entry = hypothesis(
        of={"arm": "fedspeed", "condition": "mlp"},
        against={"largest_of": ["a", {"arm": "b", "condition": {"smallest_of": ["c", "mlp"]}}]},
        pairing={"level": 0.95},
    )
    _, (found,) = check("s", QUANTITIES, {"H1": entry}, ARMS, CONDITIONS, {"interval": "t"})
    assert [str(cell) for cell in found.parts[0].cells] == [
        "final(fedspeed, mlp)",
        "final(a, c)",
        "final(b, min over c, mlp)",
    ]
    assert (found.parts[0].pairing.interval, found.parts[0].pairing.level) == ("t", 0.95)
    assert found.parts[0].key == "parts[0]"


WHERE = "study s: key hypotheses.H1"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (hypothesis(of="fedsped"), f"{WHERE}.parts[0].of: no arm is called 'fedsped'. Did you mean 'fedspeed'?"),
        (
            hypothesis(against={"arm": "x"}),
            f"{WHERE}.parts[0].against.arm: no arm is called 'x'. Known: a, b, fedspeed.",
        ),
        (
            hypothesis(against={"largest_of": ["a", "bb"]}),
            f"{WHERE}.parts[0].against.largest_of[1]: no arm is called 'bb'. Did you mean 'b'?",
        ),
        (hypothesis(condition="mpl"), f"{WHERE}.parts[0].condition: no condition is called 'mpl'. Did you mean 'mlp'?"),
        (
            hypothesis(condition={"smallest_of": ["c", "d"]}),
            f"{WHERE}.parts[0].condition.smallest_of[1]: no condition is called 'd'",
        ),
        (hypothesis(condition=...), f"{WHERE}.parts[0]: condition missing"),
        (
            hypothesis(quantity="finals"),
            f"{WHERE}.parts[0].quantity: no quantity is called 'finals'. Did you mean 'final'?",
        ),
        (hypothesis(effect="diference"), f"{WHERE}.parts[0].effect: no effect is called 'diference'. Did you mean"),
        (hypothesis(effect=...), f"{WHERE}.parts[0]: expected a mapping with an effect"),
        (hypothesis(at_least=...), f"{WHERE}.parts[0]: nothing is claimed"),
        (hypothesis(at_least="0.5"), f"{WHERE}.parts[0].at_least: expected a number, found '0.5'"),
        (hypothesis(at_lest=0.5), f"{WHERE}.parts[0]: unknown key 'at_lest'. Did you mean 'at_least'?"),
        (hypothesis(between=["c", "mlp"]), f"{WHERE}.parts[0]: unknown key 'between'"),
        (hypothesis(against=...), f"{WHERE}.parts[0]: against missing"),
        (hypothesis(effect="interaction", condition=...), f"{WHERE}.parts[0]: between missing"),
        (
            hypothesis(pairing={"interval": "none"}, interval_above=0),
            f"{WHERE}.parts[0].interval_above: there is no interval to judge",
        ),
        (hypothesis(pairing={"level": 95}), f"{WHERE}.parts[0].pairing.level: expected a coverage in [0.5, 1)"),
        (hypothesis(pairing={"interval": "t", "units": ["shuffle", "seed"]}), "a t interval needs one column of units"),
        ({"statement": "x"}, f"{WHERE}: needs either parts or any_of"),
        ({"parts": [PART]}, f"{WHERE}: statement missing"),
        ({"statement": "x", "parts": []}, f"{WHERE}.parts: expected a list of at least 1"),
        (
            {"statement": "x", "any_of": [{"part": [PART]}]},
            f"{WHERE}.any_of[0]: unknown key 'part'. Did you mean 'parts'?",
        ),
        (
            {
                "statement": "x",
                "parts": [
                    {"effect": "power", "quantity": "final", "condition": "c", "y": "value", "points": [{}], "above": 0}
                ],
            },
            f"{WHERE}.parts[0].points: expected a list of at least 3",
        ),
    ],
)
def test_a_wrong_hypothesis_is_named_with_its_place_and_a_remedy(entry, message):
    assert message in complaint(entry)


def test_the_studys_pairing_is_read_as_strictly():
    assert "key pairing: unknown key 'unit'. Did you mean 'units'?" in complaint(hypothesis(), {"unit": "seed"})


def test_checking_imports_nothing_heavy():
    heavy = ("torch", "numpy", "pandas", "scipy", "statsmodels")
    code = f"import sys, archipelago.studies.hypotheses; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
