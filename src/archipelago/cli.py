"""What scripts and the command line share: one message for what a user can mend, and a log for the rest."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from archipelago.errors import ArchipelagoError, die


class _Both:
    """A stream that writes to a log, and to the terminal too."""

    def __init__(self, *streams: Any) -> None:
        self.streams = streams

    def write(self, text: str) -> int:
        for stream in self.streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()

    def isatty(self) -> bool:
        return False


@contextmanager
def script(snakemake: Any, show: bool = False) -> Iterator[None]:
    """Run a rule's script: its output goes to the rule's log (``show``: to the terminal, too).

    A user's mistake ends it with one message on the terminal, without a traceback.
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stderr
    with path.open("w", buffering=1) as log:
        stream = _Both(log, sys.stdout) if show else log
        try:
            with redirect_stdout(stream), redirect_stderr(stream):
                yield
        except ArchipelagoError as error:
            log.write(f"error: {error}\n")
            terminal.write(f"error: {error}\n")
            raise SystemExit(1) from None


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
