"""What all feeds of partitioned images have in common."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from torch import Tensor
from torch.utils.data import DataLoader

from archipelago.data.sets import Images
from archipelago.partition.partition import Partition
from archipelago.population.rounds import Rounds
from archipelago.ranges import Count


class ImageFeed(pl.LightningDataModule):
    """One ``item`` a round; evaluation on the first ``test_samples`` of the test set (None: on all), as one batch."""

    def __init__(
        self, data: Images, partition: Partition, rounds: int, seed: int, test_samples: Count | None = None
    ) -> None:
        super().__init__()
        self.data, self.partition, self.rounds, self.seed = data, partition, rounds, seed
        self.test_samples = test_samples

    def item(self, round: int) -> Any:
        """What a round is given: a function of (seed, round)."""
        raise NotImplementedError

    def test_set(self) -> tuple[Tensor, Tensor]:
        """Images float32 [samples, 1, h, w] and labels int64 [samples] to evaluate on."""
        images, labels = self.data.test_images[: self.test_samples], self.data.test_labels[: self.test_samples]
        return self.data.as_float(images), labels

    def train_dataloader(self) -> Rounds:
        """One item a round."""
        return Rounds(self.rounds, self.item)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """The test set as one batch."""
        return DataLoader([self.test_set()], batch_size=None)  # type: ignore[arg-type]
