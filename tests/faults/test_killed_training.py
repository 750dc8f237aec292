"""Training is killed, anywhere: no half file counts, and the run ends bit for bit as if nothing had happened."""

import random
import signal

import pytest

from tests.faults.conftest import Note, Trainer, Undisturbed

pytestmark = pytest.mark.slow

KILLS = 100


def test_a_run_killed_at_random_moments_ends_with_the_same_numbers(
    trainer: Trainer, undisturbed: Undisturbed, note: Note
):
    moments = random.Random(3)
    kills = 0
    while kills < KILLS:
        done = trainer.attempt(after=moments.uniform(0, undisturbed.seconds))
        outcome = trainer.left()
        if done["ended"] == 0:
            trainer.finish(undisturbed.folder)
            continue
        assert done["ended"] == -signal.SIGKILL, trainer.messages.read_text()
        kills += 1
        note("training is killed at a random moment", done["phase"], outcome)
    assert trainer.attempt()["ended"] == 0, trainer.messages.read_text()
    trainer.finish(undisturbed.folder)


def test_a_run_killed_at_each_step_of_its_files_ends_with_the_same_numbers(
    trainer: Trainer, undisturbed: Undisturbed, note: Note
):
    for point, times in undisturbed.points.items():
        for n in {1, times} if point.startswith("checkpoint") else {times}:
            done = trainer.attempt(at=[point, n])
            assert done["ended"] == -signal.SIGKILL, (point, n, trainer.messages.read_text())
            note("training is killed at a step", point, trainer.left())
            assert trainer.attempt()["ended"] == 0, trainer.messages.read_text()
            trainer.finish(undisturbed.folder)
