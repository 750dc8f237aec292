"""Objects from class paths and init arguments. What may stand in a study's file is checked before, in ``arguments``."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from jsonargparse import ArgumentParser, Namespace


def parser_of(cls: type, given: Iterable[str]) -> ArgumentParser:
    """A parser of a class's init arguments, under the name ``it``, without those that the house gives."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(cls, "it", skip=set(given), fail_untyped=False, instantiate=False)
    return parser


def build(component: Mapping[str, Any], **given: Any) -> Any:
    """Build a component ``{"class_path": ..., "init_args": {...}}``, and the components among its arguments.

    ``given`` are the arguments that the house gives.
    """
    module, _, name = component["class_path"].rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    parser = parser_of(cls, given)
    parsed = parser.parse_object({"it": component.get("init_args", {})})
    init_args = vars(parser.instantiate(parsed).get("it", Namespace()))
    return cls(**{argument: _plain(value) for argument, value in init_args.items()}, **given)


def _plain(value: Any) -> Any:
    """A number without its range."""
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    kind = next((kind for kind in (bool, int, float) if isinstance(value, kind)), None)
    return kind(value) if kind else value
