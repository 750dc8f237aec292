"""Whether a component of a study's file names a class that can stand there, with init arguments that it takes."""

from __future__ import annotations

import copy
import importlib
import inspect
import re
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from jsonargparse import ArgumentError, Namespace
from torch import nn

from archipelago.errors import ArchipelagoError
from archipelago.population.rounds import RoundModule
from archipelago.studies.build import parser_of

KINDS: dict[str, type] = {"method": RoundModule, "model": nn.Module, "feed": pl.LightningDataModule}
"""What a component must be, by where it stands; a partition's scheme is whatever assigns samples."""


GIVEN = {
    "feed": {"data", "partition", "rounds", "seed"},
    "method": {"model", "seed"},
    "model": set[str](),
    "partition.scheme": set[str](),
}
"""Arguments that the house gives itself, by component; a method gets a ``model`` if the run has one."""


def check_component(component: Mapping[str, Any], key: str, with_model: bool = True) -> None:
    """Check a component's class and its init arguments.

    Args:
        component: ``{"class_path": ..., "init_args": {...}}``.
        key: where the component stands in a specification: a key of ``GIVEN``.
        with_model: whether the specification has a model.

    Raises:
        ArchipelagoError: no such class, an unknown or absent argument, a value of the wrong type or out of its range.
    """
    cls = find_class(component["class_path"], key)
    parser = parser_of(cls, GIVEN[key] - (set() if with_model else {"model"}))
    defaults = vars(parser.get_defaults().get("it", Namespace()))
    init_args = component.get("init_args", {})
    for argument in init_args:
        if argument not in defaults:
            raise ArchipelagoError(
                f"{cls.__name__} takes no {argument!r}",
                key=f"{key}.init_args.{argument}",
                remedy=f"It takes {', '.join(defaults)}." if defaults else "Leave init_args out: it takes none.",
            )
    try:
        parsed = parser.parse_object({"it": copy.deepcopy(dict(init_args))})
        parser.instantiate(parsed)
    except (ArgumentError, TypeError, ValueError) as error:
        reason = " ".join(str(error).replace("it.", "").split())
        named = re.search(r'key "([\w.]+)"', reason)
        where = f"{key}.init_args" + (f".{named[1]}" if named else "")
        raise ArchipelagoError(reason, key=where, remedy=f"See the arguments of {component['class_path']}.") from error
    for argument, value in init_args.items():
        where = f"{key}.init_args.{argument}"
        # jsonargparse takes null for every argument that has a default.
        if value is None and defaults[argument] is not None:
            raise ArchipelagoError("null is no value of it", key=where, remedy="Leave it out for its default.")
        if told := _otherwise(value, parsed["it"][argument]):
            raise ArchipelagoError(told, key=where, remedy="Write numbers without quotes, whole ones without a point.")


def find_class(path: str, key: str) -> type:
    """The class that a class path names; it must be written in the module that the path names.

    Raises:
        ArchipelagoError: there is none, or it is abstract, or not of the kind that is wanted here.
    """
    module, _, name = path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArchipelagoError(
            f"no class {path!r} ({error})", key=f"{key}.class_path", remedy="Check the spelling."
        ) from error
    wanted = KINDS.get(key)
    fits = isinstance(cls, type) and cls.__module__ == module
    fits = fits and (issubclass(cls, wanted) if wanted else hasattr(cls, "assign") or hasattr(cls, "assign_both"))
    if not fits or inspect.isabstract(cls) or getattr(cls, "_is_protocol", False):
        raise ArchipelagoError(
            f"{path!r} is no {wanted.__name__ if wanted else 'Scheme'} of that module",
            key=f"{key}.class_path",
            remedy="Name a class that can stand here, in the module that it is written in.",
        )
    return cls


def _otherwise(given: Any, taken: Any) -> str | None:
    """What was taken for something else than it is: the text ``"0.1"`` for a number, 2.0 for a whole one."""
    if isinstance(taken, Namespace):
        taken = vars(taken)
    if isinstance(given, dict) and isinstance(taken, dict):
        return next(filter(None, (_otherwise(value, taken.get(name)) for name, value in given.items())), None)
    if isinstance(given, list) and isinstance(taken, list | tuple):
        return next(filter(None, map(_otherwise, given, taken)), None)
    if isinstance(given, str) and not isinstance(taken, str):
        return f"{given!r} is a text"
    if isinstance(given, float) and isinstance(taken, int):
        return f"{given!r} is no whole number"
    return None
