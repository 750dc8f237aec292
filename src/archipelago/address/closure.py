"""The code an artifact depends on: a module and all it imports, found by reading, hashed so that only meaning counts.

A module's hash covers its syntax tree without docstrings, so comments, docstrings and layout re-run nothing. The
closure holds every module of the package that importing the roots would load, the ``__init__`` of each package on the
way included, and the versions of the other distributions that these modules import.

Limits: an import by a computed name is not seen (class paths in a specification are roots of their own), nor is a file
that the code opens by itself; ``tests/studies/test_key_is_complete.py`` watches real runs for both.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from archipelago.address.keys import key_of
from archipelago.errors import ArchipelagoError

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml", "pytorch_lightning": "pytorch-lightning"}


@dataclass(frozen=True)
class Closure:
    """Hashes of the package's modules by name, and versions of other distributions by name."""

    modules: dict[str, str]
    packages: dict[str, str]

    @property
    def key(self) -> str:
        """The key of the code."""
        return key_of({"modules": self.modules, "packages": self.packages})


class CodeBase:
    """The modules of one package, found under ``source`` (the folder that holds the package's folder)."""

    def __init__(self, source: Path, package: str) -> None:
        self.source, self.package = source, package
        self._read = cache(self._read_module)

    def closure(self, roots: Iterable[str]) -> Closure:
        """The closure of some modules (dotted names)."""
        found: dict[str, str] = {}
        others: set[str] = set()
        waiting = [name for root in roots for name in self._with_parents(root)]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            digest, inside, outside = self._read(name)
            found[name] = digest
            others |= outside
            waiting.extend(inside - found.keys())
        return Closure(dict(sorted(found.items())), {name: installed(name) for name in sorted(others)})

    def module_of(self, class_path: str) -> str:
        """The module in which a dotted class path is looked up."""
        module, _, name = class_path.rpartition(".")
        if not name or self._file(module) is None:
            raise ArchipelagoError(
                f"no module {module!r} for class path {class_path!r}",
                key="class_path",
                remedy=f"Give a class as {self.package}.<room>.<module>.<Class>.",
            )
        return module

    def _file(self, module: str) -> Path | None:
        path = self.source.joinpath(*module.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
        return None

    def _with_parents(self, module: str) -> Iterator[str]:
        parts = module.split(".")
        return (".".join(parts[:n]) for n in range(1, len(parts) + 1))

    def _read_module(self, name: str) -> tuple[str, set[str], set[str]]:
        path = self._file(name)
        if path is None:
            raise ArchipelagoError(f"module {name!r} is imported but is not in {self.source}", key="code")
        tree = ast.parse(path.read_bytes(), filename=str(path))
        inside: set[str] = set()
        outside: set[str] = set()
        for target in imports(tree, name, is_package=path.name == "__init__.py"):
            top = target.partition(".")[0]
            if top == self.package:
                # "from a.b import c" names a.b.c, which may be a module or something in a.b.
                known = target if self._file(target) else target.rpartition(".")[0]
                inside.update(self._with_parents(known))
            elif top not in sys.stdlib_module_names:
                outside.add(top)
        return hashlib.sha256(meaning(tree).encode()).hexdigest()[:20], inside, outside


def imports(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[str]:
    """Every dotted name that a module imports anywhere, but for what is imported for type checking only."""
    for node in _live(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                drop = node.level - 1 if is_package else node.level
                parts = module.split(".")
                base = ".".join([*parts[: len(parts) - drop], *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _live(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from _live(other)
            continue
        yield child
        yield from _live(child)


def meaning(node: ast.AST) -> str:
    """A text of a syntax tree that is the same for sources that differ in comments, docstrings and layout only.

    Empty fields are left out, so that a new Python version with a new optional field changes no hash.
    """
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
    parts = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if value is None or value == [] or name in {"ctx", "type_comment", "kind"}:
            continue
        if isinstance(value, ast.AST):
            text = meaning(value)
        elif isinstance(value, list):
            text = "[" + ",".join(meaning(v) if isinstance(v, ast.AST) else repr(v) for v in value) + "]"
        else:
            text = repr(value)
        parts.append(f"{name}={text}")
    return "(" + " ".join(parts) + ")"


@cache
def installed(module: str) -> str:
    """The version of the distribution that provides a top-level module, without a build tag such as +cpu."""
    name = DISTRIBUTIONS.get(module, module)
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError as error:
        raise ArchipelagoError(
            f"the code imports {module!r}, but no distribution {name!r} is installed",
            key="environment",
            remedy="Install the project's lock file.",
        ) from error
