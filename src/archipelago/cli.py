"""What scripts and the command line share: one message for what a user can mend, and a log for the rest."""

from __future__ import annotations

import argparse
import io
import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO

from archipelago.errors import ArchipelagoError, die
from archipelago.studies.premises import full, is_full


class _Log(io.TextIOBase):
    """A rule's log, shown on a terminal, too, if one is given.

    What a full disk does not take is dropped: nothing fails for want of a log.
    """

    def __init__(self, path: Path, terminal: TextIO | None) -> None:
        self.file, self.terminal = None, terminal
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file = path.open("wb", buffering=0)

    def write(self, text: str) -> int:
        if self.file:
            with suppress(OSError):
                self.file.write(text.encode())
        if self.terminal:
            self.terminal.write(text)
        return len(text)


@contextmanager
def script(snakemake: Any, show: bool = False) -> Iterator[None]:
    """Run a rule's script: its output goes to the rule's log (``show``: to the terminal, too).

    A user's mistake or a full disk ends it with one message on the terminal, without a traceback.
    """
    log = _Log(Path(snakemake.log[0]), sys.stdout if show else None)
    try:
        with redirect_stdout(log), redirect_stderr(log):
            yield
    except Exception as error:
        if is_full(error):
            traceback.print_exc(file=log)
            told = full([Path(path).parent for path in snakemake.output], _study(snakemake))
        elif isinstance(error, ArchipelagoError):
            told = error
        else:
            raise
        log.write(f"error: {told}\n")
        print(f"error: {told}", file=sys.stderr)
        raise SystemExit(1) from None


def _study(snakemake: Any) -> str | None:
    """The study that a rule works for, where it works for one."""
    study = snakemake.params.get("study")
    if isinstance(study, str):
        return study
    return study["slug"] if study else snakemake.params.get("provenance", {}).get("study")


def _scoreboard(arguments: argparse.Namespace) -> None:
    from archipelago.address.files import read_json
    from archipelago.plotting.site import scoreboard_text

    views = sorted((Path("results") / arguments.view).glob("*/verdicts.json"))
    if not views:
        raise ArchipelagoError(
            f"results/{arguments.view} holds no verdicts",
            key="view",
            remedy="Run `snakemake` first, or name another view.",
        )
    print(scoreboard_text([(path.parent.name, read_json(path)) for path in views]))


def _keys(arguments: argparse.Namespace) -> None:
    from archipelago.studies.keys import collect_garbage, entries, wanted_keys
    from archipelago.studies.study import read_yaml

    found = list(entries(wanted_keys(read_yaml(Path("config/config.yaml")))))
    if arguments.collect:
        print(f"freed {collect_garbage(found) / 1e6:.1f} MB")
        return
    for entry in found:
        print(f"{entry.kind:12} {entry.key} {entry.bytes / 1e6:8.2f} MB  {'wanted' if entry.wanted else 'left over'}")


def _trace(arguments: argparse.Namespace) -> None:
    from archipelago.studies.told import told
    from archipelago.studies.trace import trace

    found = trace(
        arguments.target,
        hypothesis=arguments.hypothesis,
        arm=arguments.arm,
        condition=arguments.condition,
        seed=arguments.seed,
        rehash=arguments.verify,
    )
    print(json.dumps(found, indent=1) if arguments.json else told(found))


def _sums(arguments: argparse.Namespace) -> None:
    from archipelago.studies.sums import check

    copies = check(Path(), arguments.remote, arguments.delete)
    wrong = [(copy, state) for copy, state in copies if state != "whole"]
    for copy, state in wrong:
        print(f"{copy.place:8} {state:8} {copy.file}  {copy.path if copy.place != 'here' else ''}".rstrip())
    if wrong:
        raise ArchipelagoError(
            f"{len(wrong)} of {len(copies)} copies are not what DVC recorded",
            key="sums",
            remedy="docs/object-store.md tells for each place what mends it.",
        )
    print(f"{len(copies)} copies, all as DVC recorded them")


def _ui(arguments: argparse.Namespace) -> None:
    from archipelago.tracking import serve

    serve(Path.cwd(), port=arguments.port)


def main() -> None:
    """The ``archipelago`` command: what is not a step of the workflow."""
    parser = argparse.ArgumentParser(prog="archipelago", description="Look at what the workflow has made.")
    commands = parser.add_subparsers(required=True)
    scoreboard = commands.add_parser("scoreboard", help="print the verdicts of a view")
    scoreboard.add_argument("view", nargs="?", default="flagship", help="a folder in results/, for example desk")
    scoreboard.set_defaults(run=_scoreboard)
    keys = commands.add_parser("keys", help="list the store: what the configs want and what is left over")
    keys.add_argument("--collect", action="store_true", help="delete what is left over")
    keys.set_defaults(run=_keys)
    trace = commands.add_parser(
        "trace", help="walk from a number back to its runs, their config, code, partition and data"
    )
    trace.add_argument("target", help="a view's study, for example desk/fedspeed, or a run's key or its beginning")
    trace.add_argument("hypothesis", nargs="?", help="for example H1: the runs that its numbers are made of")
    trace.add_argument("--arm", help="the runs of an arm; name#2 is candidate 2 of its tuning")
    trace.add_argument("--condition", help="the runs in a condition")
    trace.add_argument("--seed", type=int, help="the runs on a seed")
    trace.add_argument("--verify", action="store_true", help="hash the data and make the partitions again")
    trace.add_argument("--json", action="store_true", help="print everything, for machines")
    trace.set_defaults(run=_trace)
    sums = commands.add_parser("sums", help="hash again what DVC keeps: what is missing, damaged, changed?")
    sums.add_argument("--remote", help="a remote to read, too, for example store")
    sums.add_argument("--delete", action="store_true", help="delete damaged objects, so that pull and push bring them")
    sums.set_defaults(run=_sums)
    ui = commands.add_parser("ui", help="open MLflow's pages on this machine")
    ui.add_argument("--port", type=int, default=5000)
    ui.set_defaults(run=_ui)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except ArchipelagoError as error:
        die(error)
