"""The file of predictions, CSV or Parquet, written part by part and put in place as a whole."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_loop.errors import UsageError
from mlops_loop.file_format import FileFormat

ENDINGS = {".csv", ".parquet"}
TEXT = pa.large_string()


class Writer(Protocol):
    """Takes parts of a table, all of the same columns."""

    def write(self, part: pd.DataFrame) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what is left."""


@contextmanager
def replacing(path: Path, style: FileFormat, overwrite: bool) -> Iterator[Writer]:
    """A writer beside `path`, whose file gets that name at the end, or is removed on an error.

    A CSV is written as `style` says. Raises UsageError where there is a file of that name already,
    unless `overwrite`, and where it cannot be written.
    """
    check(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(f".part{path.suffix}", f".{path.stem}.", path.parent)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            is_csv = path.suffix == ".csv"
            writer: Writer = CsvWriter(file, style) if is_csv else ParquetWriter(file)
            yield writer
            writer.close()
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_umask())
        check(path, overwrite)
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def check(path: Path, overwrite: bool) -> None:
    """Raise UsageError for a name that cannot be written to."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"--out {path}: its name must end with .csv or .parquet.")
    if path.is_dir() or (path.exists() and not overwrite):
        kind = "a folder" if path.is_dir() else "there already"
        raise UsageError(f"{path} is {kind}. Next: --out with another name, or --overwrite")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class ParquetWriter:
    """A group of rows for each part; texts stay texts where a part has none."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._writer: pq.ParquetWriter | None = None

    def write(self, part: pd.DataFrame) -> None:
        """Append rows in the types of the first part."""
        if self._writer is None:
            schema = pa.Table.from_pandas(part, preserve_index=False).schema
            self._writer = pq.ParquetWriter(self._file, schema)
        table = pa.Table.from_pandas(part, self._writer.schema, preserve_index=False)
        self._writer.write_table(table)

    def close(self) -> None:
        """Write the footer."""
        if self._writer:
            self._writer.close()


class CsvWriter:
    """Fields are in quotes where they must be. Joined by Arrow: several times as fast as pandas."""

    def __init__(self, file: IO[bytes], style: FileFormat) -> None:
        self._style, self._is_first = style, True
        self._file = io.TextIOWrapper(
            file, encoding=style.encoding, errors="backslashreplace", newline=""
        )
        signs = re.escape(style.separator) + re.escape(style.quote)
        self._special = f"[{signs}\\r\\n]"

    def write(self, part: pd.DataFrame) -> None:
        """Append rows, and before the first ones the names of the columns."""
        if self._is_first:
            self._put([pa.array([str(name)], TEXT) for name in part.columns])
            self._is_first = False
        self._put([_text(part[name], self._style.decimal) for name in part.columns])

    def close(self) -> None:
        """Give the file back, which the caller closes."""
        self._file.detach()

    def _put(self, fields: Sequence[pa.Array]) -> None:
        separator = pa.scalar(self._style.separator, TEXT)
        lines = pc.binary_join_element_wise(*map(self._quoted, fields), separator)
        self._file.write("".join(f"{line}\n" for line in lines.to_pylist()))

    def _quoted(self, texts: pa.Array) -> pa.Array:
        is_special = pc.match_substring_regex(texts, self._special)
        if not pc.any(is_special).as_py():
            return texts
        quote, mark = self._style.quote, pa.scalar(self._style.quote, TEXT)
        doubled = pc.replace_substring(texts, quote, quote * 2)
        quoted = pc.binary_join_element_wise(mark, doubled, mark, pa.scalar("", TEXT))
        return pc.if_else(is_special, quoted, texts)


def _text(values: pd.Series, decimal: str) -> pa.Array:
    """Texts of values, empty where they are missing; a float by its shortest digits."""
    array = pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    texts = array.cast(TEXT)
    if pa.types.is_floating(array.type) and decimal != ".":
        texts = pc.replace_substring(texts, ".", decimal)
    return pc.fill_null(texts, "")
