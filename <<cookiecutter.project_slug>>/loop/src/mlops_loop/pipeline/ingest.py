"""Stage 1, `ingest`: read the source named in `params.yaml` into one Parquet file."""

from __future__ import annotations

import pandas as pd
from pyarrow import ArrowException

from mlops_loop import files, paths
from mlops_loop.columns import replaced, texts
from mlops_loop.errors import DataRefused
from mlops_loop.params import Params
from mlops_loop.sources.table import read


def _without_empty_texts(table: pd.DataFrame) -> pd.DataFrame:
    """An empty text is a missing value, whatever the source: a CSV cannot tell them apart."""
    return replaced(table, {name: texts(table[name]) for name in table.select_dtypes("str")})


def run(params: Params) -> None:
    """Read the source and write `data/ingested.parquet`; raises DataRefused without a row."""
    try:
        table = _without_empty_texts(read(params.source))
        files.write_table(table, paths.INGESTED)
    except (ArrowException, UnicodeError, TypeError) as error:  # by what the value is
        reason = f"has a value that cannot be stored: {' '.join(str(error).split())}"
        raise DataRefused(f"The source {params.source.name!r} {reason}.") from error
    print(f"ingest: {len(table):,} rows, {table.shape[1]} columns -> {paths.INGESTED}")
