"""Show a study's table, verdicts and figures under readable names."""

from pathlib import Path

from archipelago.address.files import alone
from archipelago.cli import script
from archipelago.studies.publish import VIEWS, publish

with script(snakemake), alone(VIEWS):
    sources = [Path(path) for path in (snakemake.input.table, snakemake.input.verdicts, snakemake.input.figures)]
    publish(*sources, snakemake.params.provenance, Path(snakemake.output[0]))
