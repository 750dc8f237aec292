"""Who takes part, and with what."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch

from archipelago.data.sets import Images
from archipelago.federation import Cohorts
from archipelago.partition.partition import Partition

Feed = Callable[..., Cohorts]


def test_a_cohort_is_a_function_of_seed_and_round(feed: Feed) -> None:
    first, again, other = feed(60), feed(60), feed(60, seed=4)
    cohorts = list(first.train_dataloader())
    assert [again.item(round) for round in range(60, 0, -1)] == cohorts[::-1]
    assert [other.item(round) for round in range(1, 61)] != cohorts
    assert all(len(cohort) == 3 and cohort == sorted(set(cohort)) for cohort in cohorts)


def test_every_client_is_asked_equally_often(feed: Feed) -> None:
    asked = Counter(client for cohort in feed(600).train_dataloader() for client in cohort)
    assert set(asked) == set(range(6))
    assert all(abs(times - 300) < 60 for times in asked.values())


@pytest.mark.parametrize(("participation", "size"), [(1.0, 6), (0.4, 2), (0.01, 1)])
def test_cohort_size(feed: Feed, participation: float, size: int) -> None:
    assert len(feed(1, participation=participation).item(1)) == size


def test_shards_are_the_partition(feed: Feed, images: Images, partition: Partition) -> None:
    lessons = feed(1)
    lessons.setup("fit")
    for client in range(6):
        mine = np.flatnonzero(partition.client_of == client)
        x, y = lessons.shard(client)
        assert torch.equal(x, images.as_float(images.train_images[mine]))
        assert torch.equal(y, images.train_labels[mine])
        assert x.untyped_storage().data_ptr() == lessons.x.untyped_storage().data_ptr()
    assert len(lessons.x) == 84


def test_the_test_set_can_be_cut(feed: Feed, images: Images) -> None:
    for samples, expected in ((None, 30), (12, 12)):
        ((x, y),) = feed(1, test_samples=samples).val_dataloader()
        assert torch.equal(x, images.as_float(images.test_images[:expected]))
        assert torch.equal(y, images.test_labels[:expected])
