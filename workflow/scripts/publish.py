"""Show a study's table, verdicts and figures under readable names."""

from pathlib import Path

from archipelago.cli import script
from archipelago.studies.publish import publish

with script(snakemake):
    sources = [Path(path) for path in (snakemake.input.table, snakemake.input.verdicts, snakemake.input.figures)]
    publish(*sources, snakemake.params.provenance, Path(snakemake.output[0]))
