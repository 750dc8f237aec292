"""Recompute every committed verdict and figure from the committed tables."""

from archipelago.cli import script
from archipelago.studies.audit import audit

with script(snakemake, show=True):
    audit(snakemake.params.studies)
