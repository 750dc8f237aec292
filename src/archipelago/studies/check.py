"""Every arm's classes and init arguments, checked before the DAG is built.

That needs the classes, hence torch and Lightning: six seconds. So it is done in a process of its own, and only for what
has not been found good before: the verdict lies under the key of the arms and the code they name.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from archipelago.address.files import write_json
from archipelago.address.keys import canonical, key_of
from archipelago.errors import ArchipelagoError
from archipelago.studies.plan import Plan, Row

CHECKED = Path(".cache/checked")


def _distinct(rows: list[Row], check: str) -> dict[str, dict[str, Any]]:
    """The components that the rows name, each combination once, under the key of what they and this check are."""
    found = {}
    for row in rows:
        spec = row.run.spec
        components: dict[str, Any] = {name: spec[name] for name in ("method", "model", "feed") if name in spec}
        if "partition" in spec:
            components["partition.scheme"] = spec["partition"]["scheme"]
        arm = row.cell.arm.partition("#")[0]
        key = key_of({"components": components, "code": row.run.parts["code"], "check": check, "arm": arm})
        found[key] = {"arm": arm, "components": components}
    return found


def check_arms(plan: Plan) -> None:
    """Check the classes and init arguments of all runs of a plan.

    Raises:
        ArchipelagoError: names the study, the arm, the key and the remedy.
    """
    unknown = {}
    for study in plan.studies:
        for key, work in _distinct(study.rows + study.tuning_rows, plan.codes("archipelago.studies.arguments")).items():
            marker = plan.root / CHECKED / f"{key}.json"
            if not marker.exists():
                unknown[str(marker)] = {"study": study.slug, **work}
    if not unknown:
        return
    done = subprocess.run(
        [sys.executable, "-m", "archipelago.studies.check"],
        input=canonical(unknown),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        try:
            told = json.loads(done.stdout)
        except ValueError:
            raise ArchipelagoError(
                f"arms could not be checked: {done.stderr.strip().splitlines()[-1:]}",
                key="arms",
                remedy="Import the module that it names by hand to see more.",
            ) from None
        raise ArchipelagoError(**told)


def main() -> None:
    """Check what standard input lists; mark what is good, print the first error as JSON."""
    from archipelago.studies.arguments import check_component

    for marker, work in json.load(sys.stdin).items():
        for name, component in work["components"].items():
            try:
                check_component(component, name, with_model="model" in work["components"])
            except ArchipelagoError as error:
                _tell(work, error)
            except Exception as error:  # whatever importing a module that somebody is at work on raises
                problem = f"{component['class_path']} cannot be had ({type(error).__name__}: {error})"
                _tell(work, ArchipelagoError(problem, key=name, remedy="Import its module by hand to see more."))
        write_json(Path(marker), work)


def _tell(work: Mapping[str, Any], error: ArchipelagoError) -> NoReturn:
    """Print an error as JSON, with the study and the arm that it is about."""
    key = f"arms.{work['arm']}.{error.key}"
    print(json.dumps({"problem": error.problem, "study": work["study"], "key": key, "remedy": error.remedy}))
    raise SystemExit(1)


if __name__ == "__main__":
    main()
