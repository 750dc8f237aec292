"""Upper rooms import lower ones, never the other way; the floors are those of ``docs/architecture.md``."""

import ast
from pathlib import Path

import pytest

from archipelago.address.closure import imports

SOURCE = Path(__file__).parents[1] / "src"
FLOORS = {
    "errors": 0,
    "randomness": 0,
    "ranges": 0,
    "address": 0,
    "data": 1,
    "partition": 1,
    "models": 1,
    "population": 2,
    "federation": 3,
    "gossip": 3,
    "methods": 4,
    "studies": 5,
    "tracking": 5,
    "plotting": 5,
    "cli": 6,
}
MODULES = sorted(path.relative_to(SOURCE) for path in (SOURCE / "archipelago").rglob("*.py"))


def room(parts: tuple[str, ...]) -> str:
    """The room of a module's path, or of a dotted name's parts; the package itself is nobody's room."""
    return Path(parts[1]).stem if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_from_its_own_floor_or_below(path):
    if room(path.parts) == "__init__":
        return
    name = ".".join(path.with_suffix("").parts)
    tree = ast.parse((SOURCE / path).read_text())
    for target in imports(tree, name, is_package=path.name == "__init__.py"):
        parts = tuple(target.split("."))
        if parts[0] == "archipelago" and room(parts) in FLOORS:
            assert FLOORS[room(parts)] <= FLOORS[room(path.parts)], f"{name} imports {target}"


def test_meeting_rooms_do_not_know_each_other():
    for path in MODULES:
        here = room(path.parts)
        if here in ("federation", "gossip"):
            other = {"federation": "gossip", "gossip": "federation"}[here]
            assert f"archipelago.{other}" not in (SOURCE / path).read_text()
