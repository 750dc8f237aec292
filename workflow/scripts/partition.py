"""Make a partition."""

from pathlib import Path

from archipelago.cli import script
from archipelago.data.sets import load
from archipelago.partition.partition import make_partition

with script(snakemake):
    order = snakemake.params.order
    labels = load(snakemake.params.data).train_labels.numpy()
    make_partition(order["spec"], labels, order["seed"]).save(Path(snakemake.output[0]))
