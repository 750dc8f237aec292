"""Objects from class paths and init arguments, type-checked before anything is built."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from archipelago.errors import ArchipelagoError


def check_arguments(component: Mapping[str, Any], key: str, given: Iterable[str] = ()) -> tuple[type, dict[str, Any]]:
    """The class that a component names, and its init arguments as the types that it declares.

    Args:
        component: ``{"class_path": ..., "init_args": {...}}``.
        key: where the component stands in the study's file, for messages.
        given: arguments that the house gives itself; they may not be set.

    Raises:
        ArchipelagoError: no such class, an unknown or absent argument, a value of the wrong type.
    """
    path = component["class_path"]
    module, _, name = path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ArchipelagoError(
            f"no class {path!r} ({error})", key=f"{key}.class_path", remedy="Check the spelling."
        ) from error
    given = set(given)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(cls, "it", skip=given, fail_untyped=False, instantiate=False)
    known = list(vars(parser.get_defaults().get("it", Namespace())))
    init_args = dict(component.get("init_args", {}))
    for argument in init_args:
        if argument not in known:
            raise ArchipelagoError(
                f"{name} takes no {argument!r}",
                key=f"{key}.init_args.{argument}",
                remedy=f"It takes {', '.join(known)}.",
            )
    try:
        parsed = parser.parse_object({"it": copy.deepcopy(init_args)})
    except (ArgumentError, TypeError) as error:
        reason = " ".join(str(error).replace("it.", "").split())
        raise ArchipelagoError(reason, key=f"{key}.init_args", remedy=f"See the arguments of {path}.") from error
    if not known:
        return cls, {}
    for argument, value in init_args.items():
        if text := _quoted(value, parsed["it"][argument]):
            raise ArchipelagoError(
                f"{text!r} is a text", key=f"{key}.init_args.{argument}", remedy="Write it without quotes."
            )
    # Components among the arguments (an attack, say) are built here.
    built = vars(parser.instantiate(parsed)["it"])
    return cls, {argument: _plain(value) for argument, value in built.items()}


def _quoted(given: Any, taken: Any) -> str | None:
    """A text in what was given that was taken for something else: ``"0.1"`` for a number."""
    if isinstance(given, str):
        return None if isinstance(taken, str) else given
    if isinstance(given, list) and isinstance(taken, list):
        return next((text for text in map(_quoted, given, taken) if text is not None), None)
    return None


def _plain(value: Any) -> Any:
    """A number without its range."""
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    kind = next((kind for kind in (bool, int, float) if isinstance(value, kind)), None)
    return kind(value) if kind else value


def build(component: Mapping[str, Any], key: str, **given: Any) -> Any:
    """Build a component; ``given`` are the arguments that the house gives."""
    cls, init_args = check_arguments(component, key, given)
    return cls(**init_args, **given)
