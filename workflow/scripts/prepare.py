"""Prepare a data set."""

from archipelago.cli import script
from archipelago.data.prepare import prepare

with script(snakemake):
    prepare(snakemake.params.name)
