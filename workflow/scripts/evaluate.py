"""Gather a study's table and judge its hypotheses."""

from pathlib import Path

from archipelago.cli import script
from archipelago.studies.evaluate import evaluate

with script(snakemake):
    folder = Path(snakemake.output.table).parent
    evaluate(snakemake.params.study, snakemake.params.rows, Path("results/store/runs"), folder)
