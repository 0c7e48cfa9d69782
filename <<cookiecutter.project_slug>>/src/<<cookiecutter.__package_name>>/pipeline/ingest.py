"""Stage 1, `ingest`: read the source named in `params.yaml` into one Parquet file.

A source is a function from its parameters to a data frame, registered in `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fsspec
import pandas as pd
from tqdm import tqdm

from ..errors import DataRefused, UsageError
from ..params import Params, Source
from . import files

OUT = Path("data/ingested.parquet")


def read_files(source: Source) -> pd.DataFrame:
    """All files that `source.path` (path, glob or URL) matches, in the order of their names.

    Raises UsageError where nothing matches, DataRefused where a file cannot be read as
    `source.format` or has other columns than the first one.
    """
    try:
        opened = sorted(fsspec.open_files(source.path, "rb"), key=lambda file: file.path)
    except (ValueError, ImportError, OSError) as error:
        raise UsageError(f"source.path = {source.path!r} cannot be opened: {error}") from error
    if not opened:
        raise UsageError(f"source.path = {source.path!r} matches no file. See params.yaml.")
    tables = [_read_file(file, source.format) for file in tqdm(opened, "ingest", unit="file")]
    for file, table in zip(opened, tables, strict=True):
        found, expected = set(table.columns), set(tables[0].columns)
        if found != expected:
            raise DataRefused(
                f"{file.path} has other columns than the first file: missing "
                f"{sorted(expected - found)}, not expected {sorted(found - expected)}."
            )
    filled = [table for table in tables if len(table)] or tables[:1]
    return _one_type_per_column(pd.concat(filled, ignore_index=True))


def _read_file(file: fsspec.core.OpenFile, kind: str) -> pd.DataFrame:
    try:
        with file as stream:
            if kind == "parquet":
                return pd.read_parquet(stream)
            return pd.read_csv(stream, low_memory=False)
    except FileNotFoundError as error:
        reason = f"{file.path} cannot be found ({error.__cause__ or 'no such file'})"
        raise UsageError(f"{reason}. See source.path in params.yaml.") from error
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataRefused(f"{file.path} cannot be read as {kind}: {reason}") from error


def _one_type_per_column(table: pd.DataFrame) -> pd.DataFrame:
    """Text where one file has numbers and another words: a Parquet column has one type.

    `validate` reads the numbers again and tells the others.
    """
    for name in table.columns:
        if pd.api.types.infer_dtype(table[name]) in ("mixed", "mixed-integer"):
            table[name] = table[name].map(str, na_action="ignore")
    return table


SOURCES: dict[str, Callable[[Source], pd.DataFrame]] = {"files": read_files}


def run(params: Params) -> None:
    """Read the source and write `data/ingested.parquet`; raises DataRefused without a row."""
    table = SOURCES[params.source.kind](params.source)
    if table.empty:
        raise DataRefused(f"The source {params.source.path!r} has no rows.")
    files.write_table(table, OUT)
    print(f"ingest: {len(table):,} rows, {table.shape[1]} columns -> {OUT}")
