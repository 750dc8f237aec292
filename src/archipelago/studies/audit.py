"""The evidence in git, recomputed from its tables: no training, no store, a minute."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from archipelago.address.files import read_json
from archipelago.errors import ArchipelagoError
from archipelago.plotting.figures import plot
from archipelago.studies.study import Study
from archipelago.studies.verdicts import judge

DESK = Path("results/desk")


def differences(slug: str, root: Path = Path()) -> Iterator[str]:
    """What of a study's committed verdicts and figures does not follow from its committed table, in words."""
    study = Study(root / "config" / "studies" / f"{slug}.yaml").content
    view = root / DESK / slug
    table = pd.read_parquet(view / "runs.parquet")
    committed = read_json(view / "verdicts.json")
    provenance = read_json(next(view.glob("provenance-*.json")))
    asked = [(row["arm"], row["condition"], row["seed"]) for row in provenance["runs"]]
    verdicts = judge(slug, study["quantities"], study["hypotheses"], table, study.get("pairing"), asked)
    for name in sorted(verdicts["hypotheses"].keys() | committed["hypotheses"].keys()):
        found, kept = (which["hypotheses"].get(name) for which in (verdicts, committed))
        if found != kept:
            yield f"{name}: committed {_short(kept)}, but the table says {_short(found)}"
    with tempfile.TemporaryDirectory() as scratch:
        for figure in plot(study, table, verdicts, Path(scratch)):
            kept_figure = view / figure.name
            if not kept_figure.exists():
                yield f"figure {figure.name} is not committed"
            elif figure.suffix == ".svg" and kept_figure.read_bytes() != figure.read_bytes():
                yield f"figure {figure.name} is not what the table gives"


def _short(verdict: dict[str, object] | None) -> str:
    return "nothing" if verdict is None else f"{verdict['verdict']} ({verdict['reason']})"


def audit(studies: list[str], root: Path = Path()) -> None:
    """Print, for each study with committed evidence, whether it follows from its table.

    Raises:
        ArchipelagoError: something does not.
    """
    wrong = 0
    for slug in studies:
        found = list(differences(slug, root))
        wrong += len(found)
        print(f"{slug}: {'; '.join(found) or 'every verdict and figure follows from its table'}")
    if wrong:
        raise ArchipelagoError(
            f"{wrong} committed results do not follow from their tables",
            key="results/desk",
            remedy="Run `snakemake --config studies=all` and commit what it publishes.",
        )
