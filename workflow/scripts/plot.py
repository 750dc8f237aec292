"""Draw a study's figures."""

from pathlib import Path

import pandas as pd

from archipelago.address.files import read_json, write_json
from archipelago.cli import script
from archipelago.plotting.figures import plot

with script(snakemake):
    index = Path(snakemake.output.index)
    verdicts = read_json(Path(snakemake.input.verdicts))
    figures = plot(snakemake.params.study, pd.read_parquet(snakemake.input.table), verdicts, index.parent)
    write_json(index, [figure.name for figure in figures])
