"""Configs held against their schemas, and names against what they name, before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from archipelago.data.cards import Card, known_names, load_card
from archipelago.errors import ArchipelagoError
from archipelago.plotting.config import check_figures
from archipelago.studies.hypotheses import check
from archipelago.studies.study import Study, did_you_mean, read_yaml

# Plain JSON Schema takes 30.0 for an integer, and holds not-a-number to be within all bounds.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many(
    {
        "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda _, value: (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        ),
    }
)
_Validator = validators.extend(Draft202012Validator, type_checker=_TYPES)
SCHEMAS = Path(__file__).parents[3] / "workflow" / "schemas"
LISTS = ("arms", "conditions", "seeds")


@cache
def _validator(name: str) -> Draft202012Validator:
    return _Validator(read_yaml(SCHEMAS / f"{name}.schema.yaml"))


def _explain(error: ValidationError) -> tuple[str, str, str]:
    """Key, problem and remedy of a schema error."""
    key = ".".join(str(part) for part in error.absolute_path)
    if error.validator in ("additionalProperties", "unevaluatedProperties") and isinstance(error.instance, dict):
        known = _properties(error)
        unknown = [name for name in error.instance if name not in known]
        if known and unknown:
            name = str(unknown[0])
            return ".".join(filter(None, (key, name))), "unknown key", did_you_mean(name, known)
    if error.validator == "required":
        required: Any = error.validator_value
        given: Any = error.instance
        absent = [name for name in required if name not in given]
        return (
            ".".join(filter(None, (key, absent[0]))),
            "is missing",
            "Add it; docs/add-a-paper.md tells what it holds.",
        )
    shown = repr(error.instance)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    wanted = {
        "type": f"want {error.validator_value}",
        "enum": f"want one of {error.validator_value}",
        "pattern": f"want a text like {error.validator_value}",
        "minimum": f"want at least {error.validator_value}",
        "maximum": f"want at most {error.validator_value}",
    }.get(str(error.validator), error.message[:200])
    return key or "(top)", f"{shown} is not allowed: {wanted}", "Correct the value."


def _properties(error: ValidationError) -> list[str]:
    schema: Any = error.schema
    known = list(schema.get("properties", {}))
    definitions = _validator("study").schema["$defs"]  # type: ignore[index]
    for part in schema.get("allOf", []):
        if "$ref" in part:
            known += definitions[part["$ref"].rpartition("/")[2]]["properties"]
    return known


def _echo(error: ValidationError) -> bool:
    """Whether an error only repeats another: a key counts as unevaluated, too, if its value is wrong."""
    given: Any = error.instance
    return error.validator == "unevaluatedProperties" and set(given) <= set(_properties(error))


def _validate(content: Any, schema: str, study: str | None) -> None:
    error = best_match(error for error in _validator(schema).iter_errors(content) if not _echo(error))
    if error is not None:
        key, problem, remedy = _explain(error)
        raise ArchipelagoError(problem, study=study, key=key, remedy=remedy)


def check_config(config: dict[str, Any], studies: list[str]) -> dict[str, Any]:
    """The workflow's config, with single values on the command line taken for lists of one.

    Raises:
        ArchipelagoError: a key, a value or the name of a study is wrong.
    """
    if isinstance(config.get("studies"), str) and config["studies"] not in ("flagship", "all"):
        config["studies"] = [config["studies"]]
    for name in LISTS:
        value = config.get(name)
        if value is not None and not isinstance(value, list):
            config[name] = [value]
    if isinstance(config.get("seeds"), list):
        # Within a list on the command line Snakemake leaves numbers as text.
        config["seeds"] = [int(seed) if re.fullmatch("[0-9]{1,10}", str(seed)) else seed for seed in config["seeds"]]
    _validate(config, "config", None)
    chosen = config["studies"] if isinstance(config["studies"], list) else config["flagship"]
    for slug in chosen:
        if slug not in studies:
            raise ArchipelagoError(f"there is no study {slug!r}", key="studies", remedy=did_you_mean(slug, studies))
    return config


def read_card(name: str, root: Path) -> Card:
    """A data set's card, held against the schema.

    Raises:
        ArchipelagoError: there is none of this name, or a key or a value in it is wrong.
    """
    if name not in known_names(root):
        return load_card(name, root)  # which says so
    path = root / f"{name}.yaml"
    try:
        content = read_yaml(path)
        _validate(content, "card", None)
    except ArchipelagoError as error:
        problem = f"{path}: {error.key}: {error.problem}" if error.key else error.problem
        raise ArchipelagoError(problem, key="data", remedy=error.remedy) from None
    card = load_card(name, root)
    if card != Card(**content, root=root):
        raise ArchipelagoError(
            f"{path} does not mean the same to every reader of YAML",
            key="data",
            remedy="Write numbers as 0.001 and put texts that look like numbers or dates in quotes.",
        )
    return card


def check_study(study: Study) -> None:
    """Hold a study's file against the schema, and every name in it against what it names.

    Raises:
        ArchipelagoError: names the study, the key and the remedy.
    """
    content = study.content
    _validate(content, "study", study.slug)
    if content["slug"] != study.slug:
        raise study.error(f"is {content['slug']!r}, but the file is {study.path.name}", "slug", "Make them agree.")
    for scale, body in content["scales"].items():
        for i, block in enumerate(body["blocks"]):
            where = f"scales.{scale}.blocks[{i}]"
            _known(study, f"{where}.arms", block["arms"], study.arms)
            _known(study, f"{where}.conditions", block["conditions"], study.conditions)
    for name, arm in study.arms.items():
        _known(study, f"arms.{name}.conditions", arm.get("conditions", {}), study.conditions)
    for kind in ("arms", "conditions"):
        _known(study, f"headline.{kind}", content.get("headline", {}).get(kind, []), content[kind])
    tuning = content.get("tuning", {})
    if tuning:
        _known(study, "tuning.quantity", [tuning["quantity"]], content["quantities"])
    for i, search in enumerate(tuning.get("search", [])):
        where = f"tuning.search[{i}]"
        _known(study, f"{where}.arm", [search["arm"]], study.arms)
        _known(study, f"{where}.conditions", search["conditions"], study.conditions)
        if len({tuple(sorted(candidate)) for candidate in search["candidates"]}) > 1:
            raise study.error(
                "the candidates name different keys", f"{where}.candidates", "Give every candidate the same keys."
            )
    names = list(study.arms), list(study.conditions)
    check(study.slug, content["quantities"], content["hypotheses"], *names, content.get("pairing"))
    check_figures(content)


def _known(study: Study, key: str, words: Iterable[str], known: Iterable[str]) -> None:
    for word in words:
        if word not in known:
            raise study.error(f"there is no {word!r}", key, did_you_mean(word, known))
