"""The feed of peers."""

import numpy as np
import pytest
import torch

from archipelago.data.sets import Images
from archipelago.errors import ArchipelagoError
from archipelago.gossip.batches import NodeBatches
from archipelago.partition.partition import Partition


def feed(images: Images, partition: Partition, seed: int = 3, **how: int) -> NodeBatches:
    lessons = NodeBatches(data=images, partition=partition, rounds=6, seed=seed, batch_size=5, **how)
    lessons.setup("fit")
    return lessons


def test_a_batch_for_each_peer_from_its_own_samples(images: Images, partition: Partition) -> None:
    seen: list[set[bytes]] = [set() for _ in range(6)]
    own = [{image.numpy().tobytes() for image in images.train_images[partition.indices(peer)]} for peer in range(6)]
    for batch in feed(images, partition, probe_every=0).train_dataloader():
        assert batch.x.shape == (6, 5, 1, 4, 4)
        assert batch.y.shape == (6, 5)
        pixels = (batch.x * images.std + images.mean).round().to(torch.uint8)
        for peer in range(6):
            seen[peer] |= {image.numpy().tobytes() for image in pixels[peer, :, 0]}
    assert all(some <= mine for some, mine in zip(seen, own, strict=True))
    assert len(seen[5]) > 15
    assert len(seen[0]) == 4


def test_labels_belong_to_the_images(images: Images, partition: Partition) -> None:
    label_of = {i.numpy().tobytes(): y for i, y in zip(images.train_images, images.train_labels.tolist(), strict=True)}
    batch = feed(images, partition).item(1)
    pixels = (batch.x * images.std + images.mean).round().to(torch.uint8).flatten(0, 1)
    assert [label_of[image.numpy().tobytes()] for image in pixels[:, 0]] == batch.y.flatten().tolist()


def test_a_batch_is_a_function_of_seed_and_round(images: Images, partition: Partition) -> None:
    one, other = feed(images, partition), feed(images, partition)
    other.item(1)
    assert torch.equal(one.item(4).x, other.item(4).x)
    assert not torch.equal(one.item(4).y, one.item(5).y)
    assert not torch.equal(one.item(4).y, feed(images, partition, seed=4).item(4).y)


def test_some_rounds_bring_test_samples(images: Images, partition: Partition) -> None:
    lessons = feed(images, partition, probe_every=2, probe_samples=7)
    probes = [batch.probe for batch in lessons.train_dataloader()]
    assert [probe is not None for probe in probes] == [False, True] * 3
    x, y = probes[1]
    assert torch.equal(x, images.as_float(images.test_images[:7]))
    assert torch.equal(y, images.test_labels[:7])
    assert feed(images, partition).item(2).probe is None


def test_the_evaluation_set_is_the_test_set_every_time(images: Images, partition: Partition) -> None:
    loader = feed(images, partition).val_dataloader()
    for _ in range(2):
        x, y = next(iter(loader))
        assert torch.equal(x, images.as_float(images.test_images))
        assert torch.equal(y, images.test_labels)


def test_a_peer_without_samples_is_an_error(images: Images) -> None:
    partition = Partition(np.zeros(100, dtype=np.int32), 2)
    with pytest.raises(ArchipelagoError, match=r"1 of 2 peers hold no samples.*alpha"):
        feed(images, partition)
