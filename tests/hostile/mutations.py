"""Ways to spoil a study, and an account, independent of the code, of what a study may say instead.

A leaf of a study's file is a free text, a name, a number in a range, or true or false. What a file says after a
mutation must be refused, unless ``excuse`` can tell why it is still a study.
"""

import copy
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archipelago.address.closure import CodeBase
from archipelago.address.keys import canonical
from archipelago.data.cards import known_names
from archipelago.errors import ArchipelagoError
from archipelago.studies.arguments import check_component
from archipelago.studies.schema import check_study, read_card
from archipelago.studies.study import Selection, Study, class_paths

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "config" / "data"
CODE = CodeBase(ROOT / "src", "archipelago")
Keys = tuple[Any, ...]

BIG = 10**9
RANGES: dict[str, tuple[float, float]] = {
    # of a specification
    **dict.fromkeys(("rounds", "evaluate_every"), (1, 10**7)),
    **dict.fromkeys(("clients",), (1, 10**6)),
    **dict.fromkeys(("samples",), (1, BIG)),
    **dict.fromkeys(("seeds",), (0, 2**32 - 1)),
    # counts among init arguments
    **dict.fromkeys(("inputs", "hidden", "outputs", "channels", "side", "local_epochs", "batch_size"), (1, 10**7)),
    **dict.fromkeys(("test_samples", "delta", "dim", "repeats", "walks", "length", "window"), (1, 10**7)),
    **dict.fromkeys(("eigenpairs", "classes"), (1, 10**7)),
    **dict.fromkeys(("byzantine", "probe_every", "shuffles"), (0, 10**7)),
    # step sizes, penalties, shares
    **dict.fromkeys(("lr", "gamma0", "tau", "server_lr", "clip_norm", "radius", "p", "q"), (5e-324, 1e6)),
    **dict.fromkeys(("lamb", "rho", "mu", "weight_decay", "l2", "alpha"), (0, 1e6)),
    **dict.fromkeys(("participation", "lr_decay", "fractions", "labels"), (0, 1)),
    **dict.fromkeys(("beta", "alpha4", "alphas"), (-1e6, 1e6)),
    # of a scheduler
    "threads": (1, 1024),
    "mem_mb": (100, 16_000_000),
    "runtime": (1, 100_000),
    "gpu": (0, 64),
    "batch": (0, 100_000),
    # of the statistics and the figures
    "level": (0.5, 1),
    **dict.fromkeys(("last", "at", "from_round", "x"), (5e-324, BIG)),
    "after": (0, BIG),
    "all_rows": (0, BIG),
    **dict.fromkeys(("at_least", "above", "at_most", "below"), (-BIG, BIG)),
    **dict.fromkeys(("interval_above", "interval_below", "interval_holds", "first_reaching"), (-BIG, BIG)),
    **dict.fromkeys(("mark", "positions"), (-BIG, BIG)),
    "year": (1900, 2100),
}
"""The number that may stand under a key, or in the list under it."""
INTEGERS = {
    *("rounds", "evaluate_every", "clients", "samples", "seeds", "inputs", "hidden", "outputs", "channels", "side"),
    *("local_epochs", "batch_size", "test_samples", "delta", "dim", "repeats", "walks", "length", "window"),
    *("classes", "eigenpairs", "byzantine", "probe_every", "shuffles", "threads", "mem_mb", "runtime", "gpu", "batch"),
    *("last", "at", "after", "from_round", "year"),
}
TEXTS = {"title", "claim", "notes", "statement", "caption", "label", "x_label", "authors", "venue", "family"}
COLUMNS = {"metric", "units"}
"""Columns of the table; only the table knows which there are, and an unknown one is told when it is read."""
NULLABLE = {"partition", "model", "clip_norm", "test_samples", "attack"}
OPTIONAL = {"notes", "resources", "headline", "pairing", "tuning", "role", "caption", "percent", "mark", "from_round"}
RUNS = ("base", "arms", "conditions", "scales", "tuning")
"""The sections that runs are made of."""
ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def leaves(node: Any, at: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every value in a study, mappings and lists included, with the keys that lead to it."""
    if at:
        yield at, node
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in entries:
        yield from leaves(value, (*at, key))


def put(content: dict[str, Any], at: Keys, value: Any) -> dict[str, Any]:
    """The study with another value in one place."""
    content = copy.deepcopy(content)
    inside(content, at[:-1])[at[-1]] = value
    return content


def cut(content: dict[str, Any], at: Keys) -> dict[str, Any]:
    """The study without a key or an entry."""
    content = copy.deepcopy(content)
    del inside(content, at[:-1])[at[-1]]
    return content


def rename(content: dict[str, Any], at: Keys, name: str) -> dict[str, Any]:
    """The study with a key that is called otherwise, in the same place."""
    content = copy.deepcopy(content)
    around = inside(content, at[:-1])
    entries = [(name if key == at[-1] else key, value) for key, value in around.items()]
    around.clear()
    around.update(entries)
    return content


def inside(content: Any, at: Keys) -> Any:
    """What stands in a place."""
    for key in at:
        content = content[key]
    return content


def typos(word: str) -> list[str]:
    """A word as it is mistyped. (A line break in a key is refused by the reader.)"""
    half = len(word) // 2
    return [
        word[:half] + word[half + 1 :],
        word[: half + 1] + word[half:],
        f"{word} ",
        f"{word}.",
        word.replace("a", "а").replace("e", "е") + "о",  # these are Cyrillic
        f"../{word}",
        f"-{word}",
        f"{word}/x",
        word.swapcase() + "Q",
    ]


WRONG: list[Any] = [
    *(None, True, False, 0, -1, 3, 10**30, -(10**30), 1e300, 1e-320, 2.5, 30.0, math.nan, math.inf, -math.inf),
    *("", "x", "0.1", "3", " ", ".nan", "null", "../../outside", "/etc/passwd", "-rf", "a\nb", "$(id)", "`id`", "{id}"),
    *("$\\frac$", "é" * 200, "x" * 70_000, "os.system", "archipelago.cli.main", "__import__('os')", "ALIE"),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        ["x"],
        [1, "1"],
        [0.5] * 200,
        {"class_path": "os.system"},
        {"x": {"y": [1]}},
        {"": 1},
    ),
    {"class_path": "archipelago.population.attacks.ALIE"},
    {"class_path": "archipelago.studies.train.train", "init_args": {}},
    {"class_path": "archipelago.population.attacks.LabelFlip", "init_args": {"classes": "10"}},
    {"class_path": "archipelago.population.attacks.ALIE", "dict_kwargs": {"x": 1}},
]
"""What could stand anywhere by mistake or on purpose."""


class Examined:
    """A study, and what it is held against: all that ``snakemake`` would check of it at any scale."""

    known_good: set[str] = set()
    """Components found good, as JSON: to look at one takes ten milliseconds."""

    def __init__(self, path: Path) -> None:
        self.study = Study(path)
        self.content = self.study.content
        cells = [cell for specs in self._cells() for cell in specs]
        self.without_card = {cell.spec["data"] for cell in cells} - set(known_names(CARDS))
        self.specs = self._specs()

    def _cells(self) -> list[list[Any]]:
        scales = [self.study.cells(Selection(scale)) for scale in self.study.content["scales"]]
        return [*scales, self.study.candidates() if self.study.content.get("tuning") else []]

    def _specs(self) -> str:
        return canonical([[(cell.arm, cell.condition, cell.spec) for cell in cells] for cells in self._cells()])

    def refusal(self, content: dict[str, Any]) -> ArchipelagoError | None:
        """The error that answers this content; None if it is taken for a study."""
        self.study.content = content
        try:
            check_study(self.study)
            specs = {canonical(cell.spec): cell.spec for cells in self._cells() for cell in cells}
            for name in {spec["data"] for spec in specs.values()} - self.without_card:
                read_card(name, CARDS)
            for spec in specs.values():
                self._check(spec)
        except ArchipelagoError as error:
            return error
        finally:
            self.study.content = self.content
        return None

    def _check(self, spec: dict[str, Any]) -> None:
        components = {name: spec[name] for name in ("method", "model", "feed") if name in spec}
        if "partition" in spec:
            components["partition.scheme"] = spec["partition"]["scheme"]
        for name, component in components.items():
            text = canonical([name, component, "model" in spec])
            if text not in self.known_good:
                for path in class_paths(component):
                    CODE.module_of(path)
                check_component(component, name, with_model="model" in spec)
                self.known_good.add(text)

    def same_runs(self, content: dict[str, Any]) -> bool:
        """Whether the content asks for the same runs as the study does: what was changed is overridden everywhere."""
        self.study.content = content
        try:
            return self._specs() == self.specs
        finally:
            self.study.content = self.content

    def names(self) -> set[str]:
        """All words that may be a name somewhere in this study."""
        content = self.content
        words = {*content["arms"], *content["conditions"], *content["quantities"], *content["scales"]}
        words |= {value for _, value in leaves(content) if isinstance(value, str) and value.startswith("archipelago.")}
        words |= {"uniform", "samples", "active", "all", "none", "method", "ablation", "baseline", "mean", "min", "max"}
        words |= {"value", "difference", "ratio", "excess", "proportional", "power", "bootstrap", "t"}
        return words | {"curves", "points", "sweep", "heatmap", "scaling", "tradeoff", *known_names(CARDS)}

    def excuse(self, at: Keys, old: Any, new: Any) -> str | None:
        """Why a study in which ``new`` stands for ``old`` is still one; None if there is no reason."""
        key = next(part for part in reversed(at) if isinstance(part, str))
        if new == old and type(new) is type(old):
            return "nothing changed"
        of_runs = at[0] in RUNS and key not in ("title", "role") and "resources" not in at
        if of_runs and self.same_runs(put(self.content, at, new)):
            return "it is overridden wherever it is used"
        if isinstance(new, bool) or isinstance(old, bool):
            return "true or false" if isinstance(new, bool) and isinstance(old, bool) else None
        if new is None:
            return "there may be none" if key in NULLABLE else None
        if isinstance(new, int | float):
            return self._number(key, new)
        if isinstance(new, str):
            return self._text(at, key, old, new)
        if isinstance(new, list):
            return self._list(at, key, old, new)
        return self._mapping(at, key, old, new)

    def _number(self, key: str, new: float) -> str | None:
        low, high = RANGES.get(key, (math.inf, -math.inf))
        whole = isinstance(new, int) or key not in INTEGERS
        return "a number in its range" if whole and low <= new <= high else None

    def _text(self, at: Keys, key: str, old: Any, new: str) -> str | None:
        if not isinstance(old, str) and key not in ("condition", "of", "against", "units"):
            return None
        if key in ("url", "code"):
            return "an address" if re.fullmatch(r"https?://\S{1,290}", new) else None
        plain = 0 < len(new) <= 10_000 and not ODD.search(new)
        if key in TEXTS:
            formula = "$" in new and key not in ("claim", "notes", "statement", "caption")
            return "free text" if plain and not formula else None
        if key in COLUMNS or "where" in at:
            return "a column that the table may have" if len(new) <= 2000 else None
        return "another name" if new in self.names() else None

    def _list(self, at: Keys, key: str, old: Any, new: list[Any]) -> str | None:
        if key == "notes" and new in ([], ["x"]):
            return "notes are free"
        return None

    def _mapping(self, at: Keys, key: str, old: Any, new: dict[str, Any]) -> str | None:
        if not isinstance(old, dict):
            return "an attack" if key == "attack" else None
        if new == {}:
            return "nothing is said here, so what lies below holds"
        if key == "attack":
            return "another attack"
        return None
