"""Make a partition."""

from pathlib import Path

import numpy as np

from archipelago.cli import script
from archipelago.partition.make import make_partition

with script(snakemake):
    order = snakemake.params.order
    # Without the data room's tensors: importing torch would take longer than the partition.
    labels = np.load(Path(snakemake.input.data).parent / "train_labels.npy", allow_pickle=False)
    make_partition(order["spec"], labels, order["seed"]).save(Path(snakemake.output[0]))
