"""Draw a study's figures."""

from pathlib import Path

from archipelago.address.files import read_json, write_json
from archipelago.address.sums import check_sums
from archipelago.cli import script
from archipelago.plotting.figures import plot
from archipelago.studies.evaluate import read_table

with script(snakemake):
    index = Path(snakemake.output.index)
    table, verdicts = Path(snakemake.input.table), Path(snakemake.input.verdicts)
    check_sums(table.parent, table.name, verdicts.name)
    figures = plot(snakemake.params.study, read_table(table), read_json(verdicts), index.parent)
    write_json(index, [figure.name for figure in figures])
