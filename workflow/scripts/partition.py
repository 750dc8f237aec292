"""Make a partition."""

from pathlib import Path

import numpy as np

from archipelago.cli import script
from archipelago.data.prepare import verify
from archipelago.partition.make import make_partition

with script(snakemake):
    order = snakemake.params.order
    # Without the data room's tensors: importing torch would take longer than the partition.
    folder = Path(snakemake.input.data).parent
    verify(folder.name.rpartition("-")[0])
    labels, test_labels = (np.load(folder / f"{part}_labels.npy", allow_pickle=False) for part in ("train", "test"))
    make_partition(order["spec"], labels, order["seed"], test_labels).save(Path(snakemake.output[0]))
