"""One file of any format, a part of its rows at a time, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator

import fsspec
import pandas as pd
import pyarrow.parquet as pq
from fsspec.core import OpenFile

from mlops_loop.columns import one_type_per_column
from mlops_loop.errors import UsageError
from mlops_loop.file_format import FileFormat, mark
from mlops_loop.sources import csv_files, files, workbooks

CELLS = 1_000_000  # of a part, whatever the number of columns
ROWS = 50_000, 100  # of a part, at most and at least


def read(path: str, style: FileFormat) -> Iterator[pd.DataFrame]:
    """The rows of a file in their order; columns of a CSV are text, as `csv_files.read_csv` says.

    Raises UsageError without a file, DataRefused where it cannot be read as `style` says.
    """
    form = style.form_of(path)
    try:
        opened = fsspec.open(path, "rb")
    except Exception as error:  # every file system has errors of its own
        raise UsageError(f"{path} cannot be opened: {error}") from error
    with files.readable(opened, f" as {form}", see=""):
        yield from {"csv": _csv, "parquet": _parquet, "excel": _excel}[form](opened, style)


def _size(n_columns: int) -> int:
    most, least = ROWS
    return max(least, min(most, CELLS // max(1, n_columns)))


def _csv(file: OpenFile, style: FileFormat) -> Iterator[pd.DataFrame]:
    opened = csv_files.OPENERS[style.compression_of(file.path)]
    with files.explained(file, style), file as stream:
        reader = pd.read_csv(opened(stream), iterator=True, **csv_files.options(style))
        part = reader.get_chunk(ROWS[1])
        csv_files.require_names(part)
        again = OpenFile(file.fs, file.path)  # the advice opens it a second time
        files.check_columns(again, part, style)
        while len(part):
            yield mark(part, style)
            try:
                part = reader.get_chunk(_size(part.shape[1]))
            except StopIteration:
                return


def _parquet(file: OpenFile, style: FileFormat) -> Iterator[pd.DataFrame]:
    with file as stream:
        table = pq.ParquetFile(stream)
        for batch in table.iter_batches(_size(table.metadata.num_columns)):
            part = batch.to_pandas(integer_object_nulls=True)
            named = [name for name in part.index.names if name is not None]
            yield one_type_per_column(part.reset_index(level=named) if named else part)


def _excel(file: OpenFile, style: FileFormat) -> Iterator[pd.DataFrame]:
    with file as stream:
        table = one_type_per_column(workbooks.read(stream, style.sheet))
    size = _size(table.shape[1])
    for start in range(0, len(table), size):
        yield table.iloc[start : start + size]


def total_rows(path: str, style: FileFormat) -> int | None:
    """How many rows a file has, where that can be told without reading it."""
    if style.form_of(path) != "parquet":
        return None
    with files.readable(opened := fsspec.open(path, "rb"), see=""), opened as stream:
        return pq.ParquetFile(stream).metadata.num_rows
