"""Source `files`: CSV, Parquet or workbooks by path, glob or URL, through fsspec."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import fsspec
import pandas as pd
from fsspec.core import OpenFile
from tqdm import tqdm

from mlops_loop import columns
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.file_format import LACKING, FileFormat, mark
from mlops_loop.source_params import Files
from mlops_loop.sources import csv_files, workbooks
from mlops_loop.sources.csv_files import MOST_BYTES
from mlops_loop.text import listed, public_url

read_csv = csv_files.read_csv  # extensions of projects import it from here
# What file systems call a tag or a time that changes with the content.
MARKS = {"etag", "contentmd5", "digest", "lastmodified", "mtime", "modified", "updated"}


def read_files(source: Files) -> pd.DataFrame:
    """All files that `source.path` matches, in the order of their names.

    Columns of a CSV are text, see `read_csv`; those of Parquet and of a workbook have the
    file's types. Raises UsageError where nothing matches, DataRefused where a file cannot be read
    as `source` says, or has no column of the first one. A column that some files lack is missing
    in their rows; `attrs` of the table says which.
    """
    opened = _matching(source)
    tables = [_read(file, source) for file in tqdm(opened, "read", unit="file")]
    for file, table in zip(opened, tables, strict=True):
        _require_common(file, table, tables[0])
    table = columns.joined([table for table in tables if len(table)] or tables[:1])
    if lacking := _lacking(opened, tables):
        table.attrs[LACKING] = lacking
    return mark(table, source)


def _require_common(file: OpenFile, table: pd.DataFrame, first: pd.DataFrame) -> None:
    if not set(table.columns) & set(first.columns):
        raise DataRefused(
            f"{file.path} has no column of the first file, but {listed(table.columns)}. "
            "Next: take it out of source.path"
        )


def _lacking(opened: list[OpenFile], tables: list[pd.DataFrame]) -> dict[str, list[str]]:
    """By column the files that lack it, of those with rows; nothing where all have all."""
    filled = [
        (PurePosixPath(public_url(file.path)).name, table)
        for file, table in zip(opened, tables, strict=True)
        if len(table)
    ]
    names = dict.fromkeys(name for _, table in filled for name in table.columns)
    found = {name: [file for file, table in filled if name not in table] for name in names}
    return {str(name): files for name, files in found.items() if files}


def state_of_files(source: Files) -> dict[str, dict[str, str]]:
    """By file its size and its version in the file system (etag or time), else a content hash."""
    here = f"{Path.cwd().as_posix()}/"
    return {
        public_url(file.path).removeprefix(here): _state(file)
        for file in tqdm(_matching(source), "fingerprint", unit="file")
    }


def _matching(source: Files) -> list[OpenFile]:
    try:
        opened = sorted(fsspec.open_files(source.path, "rb"), key=lambda file: file.path)
    except Exception as error:  # every file system has errors of its own
        raise UsageError(f"source.path = {source.name!r} cannot be opened: {error}") from error
    if not opened:
        raise UsageError(f"source.path = {source.name!r} matches no file. See params.yaml.")
    return opened


@contextmanager
def readable(
    file: OpenFile, how: str = "", see: str = " See source.path in params.yaml."
) -> Iterator[None]:
    """Any error of a file system, as one of ours in one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        reason = f"{file.path} cannot be found ({error.__cause__ or 'no such file'})"
        raise UsageError(f"{reason}.{see}") from error
    except DataRefused:
        raise
    except Exception as error:  # every file system has errors of its own
        raise DataRefused(f"{file.path} cannot be read{how}: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _read(file: OpenFile, style: FileFormat) -> pd.DataFrame:
    form = style.form_of(file.path)
    with readable(file, f" as {form}"):
        if form == "csv":
            return _read_csv(file, style)
        with file as stream:
            if form == "excel":
                return workbooks.read(stream, style.sheet)
            # Without it, integers beside a missing value become floats, and lose digits.
            return pd.read_parquet(stream, to_pandas_kwargs={"integer_object_nulls": True})


def _read_csv(file: OpenFile, style: FileFormat) -> pd.DataFrame:
    opened = csv_files.OPENERS[style.compression_of(file.path)]
    with explained(file, style), file as stream:
        table = csv_files.read_csv(opened(stream), style)
    check_columns(file, table, style)
    return table


@contextmanager
def explained(file: OpenFile, style: FileFormat) -> Iterator[None]:
    """An error of reading a CSV with what to add to `source`, where the file shows it."""
    try:
        yield
    except (FileNotFoundError, DataRefused, GeneratorExit):
        raise
    except Exception as error:
        if keys := _advice(file, style):
            raise _not_so_written(
                file, f"cannot be read as csv: {_one_line(error)}", keys
            ) from error
        if text := csv_files.explanation(error, style):
            raise DataRefused(f"{file.path} {text}.") from error
        raise


def check_columns(file: OpenFile, table: pd.DataFrame, style: FileFormat) -> None:
    """Raise DataRefused for a CSV that has one column only, where it shows another separator."""
    if len(table.columns) == 1 and (keys := _advice(file, style)):
        raise _not_so_written(file, f"has one column only, {table.columns[0][:60]!r}", keys)


def _advice(file: OpenFile, style: FileFormat) -> list[str]:
    """Keys to set; none where the file cannot be opened a second time."""
    for kind in (style.compression_of(file.path), "none"):
        with suppress(Exception), file as stream:
            return csv_files.advice(csv_files.OPENERS[kind](stream).read(MOST_BYTES), style)
    return []


class NotSoWritten(DataRefused):
    """A file is written in another way than `source` says: `reason`, and the `keys` that would."""

    def __init__(self, reason: str, keys: list[str]) -> None:
        self.reason, self.keys = reason, keys
        lines = " and ".join(f"`{key}`" for key in keys)
        super().__init__(f"{reason}. Next: set {lines} in source of params.yaml")


def _not_so_written(file: OpenFile, reason: str, keys: list[str]) -> NotSoWritten:
    return NotSoWritten(f"{file.path} {reason}", keys)


def _state(file: OpenFile) -> dict[str, str]:
    with readable(file):
        info = file.fs.info(file.path)
        plain = {key.lower().replace("-", ""): str(value) for key, value in info.items()}
        marks = {key: plain[key] for key in sorted(MARKS & plain.keys())}
        if not marks:
            with file as stream:
                marks = {"sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
        return {"size": str(info.get("size"))} | marks
