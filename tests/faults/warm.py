"""A process that has imported everything and forks a child for each attempt at a run: start-up is paid once.

    python warm.py <project> <file for messages> <name>=<value> ...

The settings, as on Snakemake's command line, choose one run. It prepares the run's data set and partition, then
answers each line of JSON on its standard input with one. A request says when the attempt's process dies: ``{}``
(never), ``{"after": seconds}``, or ``{"at": [point, n]}`` (the n-th time it comes to a point). The answer: ``ended``
(exit status, negative for a signal), ``seconds`` and ``phase`` (where it was then). A child that ends well leaves
``points.json`` beside the messages: how often it came to each point.
"""

import importlib
import json
import mmap
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import yaml

from archipelago.address.files import read_json
from archipelago.cli import script
from archipelago.data.prepare import prepare
from archipelago.partition.make import make_partition
from archipelago.studies import batches, train
from archipelago.studies.fit import WholeCheckpoints
from archipelago.studies.plan import Plan

MESSAGES = Path(sys.argv[2])
POINTS = MESSAGES.with_name("points.json")
MODULES = MESSAGES.with_name("modules.json")
PHASES = ["start or end", "rounds", "checkpoint", "folder", "clean-up"]


class Watch:
    """Tells the parent, in a shared byte, which phase a child is in, and kills it where it was told to die."""

    def __init__(self, page: mmap.mmap, at: list[Any] | None) -> None:
        self.page, self.at = page, at
        self.passed: Counter[str] = Counter()
        self.within = ["start or end"]

    def step(self, name: str) -> None:
        self.page[0] = PHASES.index(self.within[-1])
        point = f"{self.within[-1]}: {name}"
        self.passed[point] += 1
        if self.at == [point, self.passed[point]]:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.within.append(name)
        self.step("begins")
        yield
        self.within.pop()
        self.step(f"{name} is done")

    def around(self, owner: Any, attribute: str, name: str) -> None:
        """A phase for each call."""
        call = getattr(owner, attribute)

        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.phase(name):
                return call(*args, **kwargs)

        setattr(owner, attribute, watched)

    def beside(self, owner: Any, attribute: str) -> None:
        """A point before and one after each call."""
        call = getattr(owner, attribute)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.step(f"before {attribute}")
            done = call(*args, **kwargs)
            self.step(f"after {attribute}")
            return done

        setattr(owner, attribute, watched)

    def everything(self) -> None:
        """Every step at which a run's files change."""
        save: Callable[..., None] = torch.save
        torch.save = lambda content, file: save(content, Pen(file, self))
        for attribute in ("fsync", "replace", "rename", "rmdir", "unlink"):
            self.beside(os, attribute)
        self.around(WholeCheckpoints, "save_checkpoint", "checkpoint")
        self.around(train, "fit", "rounds")
        aside = train.folder_aside

        @contextmanager
        def folder_aside(target: Path) -> Iterator[Path]:
            with self.phase("folder"), aside(target) as part:
                yield part

        train.folder_aside = folder_aside
        self.around(shutil, "rmtree", "clean-up")


class Pen:
    """A file that is written in halves, with a point between them."""

    def __init__(self, file: Any, watch: Watch) -> None:
        self.file, self.watch = file, watch

    def write(self, data: Any) -> int:
        data = bytes(data)
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.watch.step("half a write")
        self.file.write(data[len(data) // 2 :])
        return len(data)

    def flush(self) -> None:
        self.file.flush()


def order_of(settings: list[str]) -> dict[str, Any]:
    """The order of one run; its data and its partition are made."""
    config = yaml.safe_load(Path("config/config.yaml").read_text())
    plan = Plan({**config, **{name: yaml.safe_load(text) for name, text in (word.split("=") for word in settings)}})
    run = plan.studies[0].runs[0]
    prepare(run.card.name)
    labels = np.load(run.card.folder / "train_labels.npy", allow_pickle=False)
    assert run.partition
    make_partition(run.partition.parts["spec"], labels, run.partition.parts["seed"]).save(run.partition.path)
    return run.order()


def work(order: dict[str, Any], watch: Watch) -> None:
    """What the workflow's script does, under watch."""
    with MESSAGES.open("a") as messages:
        os.dup2(messages.fileno(), 1)
        os.dup2(messages.fileno(), 2)
    rule = SimpleNamespace(log=["results/logs/train.log"], output=[order["folder"]], params={"study": "tiny"})
    watch.everything()
    with script(rule):
        batches.train_all([order], "tiny", 0)
    POINTS.write_text(json.dumps(watch.passed))
    MODULES.write_text(json.dumps(list(sys.modules)))


def attempt(order: dict[str, Any], request: dict[str, Any], page: mmap.mmap) -> dict[str, Any]:
    page[0] = 0
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        ended = 2
        try:
            work(order, Watch(page, request.get("at")))
            ended = 0
        except SystemExit:  # with the message that a user gets
            ended = 1
        except BaseException:
            traceback.print_exc()
        os._exit(ended)
    handle = os.pidfd_open(child)
    if not select.select([handle], [], [], request.get("after", 60))[0]:
        os.kill(child, signal.SIGKILL)
    os.close(handle)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seconds = time.monotonic() - started
    return {"ended": ended, "seconds": seconds, "phase": PHASES[page[0]]}


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    order = order_of(sys.argv[3:])
    batches.origin(order)  # read once, and known to every child
    page = mmap.mmap(-1, 1)
    print(json.dumps({"order": order}), flush=True)
    for line in sys.stdin:
        answer = attempt(order, json.loads(line), page)
        if MODULES.exists():  # what is imported late is imported once, here
            for name in read_json(MODULES):
                importlib.import_module(name)
            MODULES.unlink()
        print(json.dumps(answer), flush=True)
