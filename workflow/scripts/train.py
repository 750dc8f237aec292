"""Train the runs of a batch, one after the other."""

from archipelago.cli import script
from archipelago.studies.batches import train_all

with script(snakemake):
    train_all(snakemake.params.orders, snakemake.params.study, snakemake.params.checkpoint_every)
