"""Stage 1, `ingest`: read the source named in `params.yaml` into one Parquet file."""

from __future__ import annotations

from pathlib import Path

from ..params import Params
from ..sources.table import read
from . import files

OUT = Path("data/ingested.parquet")


def run(params: Params) -> None:
    """Read the source and write `data/ingested.parquet`; raises DataRefused without a row."""
    table = read(params.source)
    files.write_table(table, OUT)
    print(f"ingest: {len(table):,} rows, {table.shape[1]} columns -> {OUT}")
