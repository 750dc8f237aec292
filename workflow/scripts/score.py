"""Score the candidates of a study's tuning."""

from pathlib import Path

from archipelago.cli import script
from archipelago.studies.tune import tune

with script(snakemake):
    tune(snakemake.params.study, snakemake.params.rows, Path("results/store/runs"), Path(snakemake.output[0]))
