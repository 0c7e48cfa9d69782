"""Source `files`: CSV or Parquet by path, glob or URL, through fsspec."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import fsspec
import pandas as pd
from fsspec.core import OpenFile
from tqdm import tqdm

from mlops_loop import columns
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.source_params import Files
from mlops_loop.text import listed, public_url

# What file systems call a tag or a time that changes with the content.
MARKS = {"etag", "contentmd5", "digest", "lastmodified", "mtime", "modified", "updated"}


def read_files(source: Files) -> pd.DataFrame:
    """All files that `source.path` matches, in the order of their names.

    Columns of a CSV are text, see `read_csv`; those of Parquet have the file's types. Raises
    UsageError where nothing matches, DataRefused where a file cannot be read as `source.format` or
    has other columns than the first one.
    """
    opened = _matching(source)
    tables = [_read(file, source.format) for file in tqdm(opened, "read", unit="file")]
    for file, table in zip(opened, tables, strict=True):
        _check_columns(file, set(table.columns), set(tables[0].columns))
    return columns.joined([table for table in tables if len(table)] or tables[:1])


def read_csv(file: str | Path | IO[bytes]) -> pd.DataFrame:
    """A CSV file, every column as text: '00501' keeps its zeros, and 'NA' is two letters.

    An empty field is missing. The stage `validate` makes the types that `schema.RawRows` states.
    Raises ValueError where the rows have more fields than the header has names.
    """
    table = pd.read_csv(file, dtype=str, keep_default_na=False, na_values=[""])
    if not isinstance(table.index, pd.RangeIndex) or table.index.start != 0:
        raise ValueError("the rows have more fields than the header has names")
    return table


def _check_columns(file: OpenFile, columns: set[str], expected: set[str]) -> None:
    if columns != expected:
        missing, more = listed(sorted(expected - columns)), listed(sorted(columns - expected))
        reason = f"missing {missing}, not expected {more}"
        raise DataRefused(f"{file.path} has other columns than the first file: {reason}.")


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
def _readable(file: OpenFile, how: str = "") -> Iterator[None]:
    """Any error of a file system, as one of ours in one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        reason = f"{file.path} cannot be found ({error.__cause__ or 'no such file'})"
        raise UsageError(f"{reason}. See source.path in params.yaml.") from error
    except Exception as error:  # every file system has errors of its own
        reason = " ".join(str(error).split())
        raise DataRefused(f"{file.path} cannot be read{how}: {reason}") from error


def _read(file: OpenFile, kind: str) -> pd.DataFrame:
    with _readable(file, f" as {kind}"), file as stream:
        if kind == "parquet":
            # Without it, integers beside a missing value become floats, and lose digits.
            return pd.read_parquet(stream, to_pandas_kwargs={"integer_object_nulls": True})
        return read_csv(stream)


def _state(file: OpenFile) -> dict[str, str]:
    with _readable(file):
        info = file.fs.info(file.path)
        plain = {key.lower().replace("-", ""): str(value) for key, value in info.items()}
        marks = {key: plain[key] for key in sorted(MARKS & plain.keys())}
        if not marks:
            with file as stream:
                marks = {"sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
        return {"size": str(info.get("size"))} | marks
