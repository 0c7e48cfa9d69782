"""A CSV file as people write it, and what to tell who did not say how."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa

from mlops_loop.file_format import DECIMAL_COMMA, FileFormat
from mlops_loop.text import listed

PLAIN = FileFormat()
MOST_BYTES = 65_536  # of a file that are looked at for advice
# How a file begins that is no text, and what reads it.
MAGIC = {
    b"PAR1": "format: parquet",
    b"\xd0\xcf\x11\xe0": "format: excel",
    b"\x1f\x8b": "compression: gzip",
    b"BZh": "compression: bz2",
    b"\xfd7zXZ": "compression: xz",
    b"\x28\xb5\x2f\xfd": "compression: zstd",
}
ZIP, WORKBOOK = b"PK\x03\x04", re.compile(rb"\[Content_Types\]|xl/|opendocument")
# Of pandas' C parser; lines count from 1, rows from 0 with the header.
RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
UNENDED = re.compile(r"EOF inside string starting at row (\d+)")
SEPARATORS = ";\t|,"
DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+")


def read_csv(file: str | Path | IO[bytes], style: FileFormat = PLAIN) -> pd.DataFrame:
    """A CSV file, every column as text: '00501' keeps its zeros, and 'NA' is two letters.

    An empty field is missing. The stage `validate` makes the types that `schema.RawRows` states.
    Raises ValueError where the rows have more fields than the header has names.
    """
    table = pd.read_csv(file, **options(style))
    require_names(table)
    return table


def options(style: FileFormat) -> dict[str, Any]:
    """Those of `pandas.read_csv` that read a file as texts."""
    texts: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_values": [""]}
    texts |= {"sep": style.separator, "encoding": style.encoding, "quotechar": style.quote}
    return texts | {"compression": None}


def require_names(table: pd.DataFrame) -> None:
    """Raise ValueError for the first rows of a file with more fields than names."""
    if not isinstance(table.index, pd.RangeIndex) or table.index.start != 0:
        raise ValueError("the rows have more fields than the header has names")


def write_csv(table: pd.DataFrame, path: Path, style: FileFormat = PLAIN) -> None:
    """A CSV that `read_csv` reads with the same style, without a sign between thousands."""
    table.to_csv(
        path, index=False, sep=style.separator, decimal=style.decimal, encoding=style.encoding,
        quotechar=style.quote,
    )  # fmt: skip


def explanation(error: Exception, style: FileFormat) -> str:
    """What is wrong with a file that pandas refuses, and what to do; empty for other errors."""
    if isinstance(error, pd.errors.EmptyDataError):
        return "is empty. Next: write the names of the columns into its first line, rows below it"
    if found := RAGGED.search(str(error)):
        names, line, fields = found.groups()
        return (
            f"has {fields} fields in line {line}, and {names} columns. Next: remove what is too "
            f"much, or write a text that holds {style.separator!r} between two {style.quote}"
        )
    if found := UNENDED.search(str(error)):
        line = str(int(found[1]) + 1)
        return (
            f"has a {style.quote} in line {line} or below that is not closed. Next: close it, or "
            f"double each {style.quote} that is a part of a text"
        )
    return ""


def _only_member(file: IO[bytes]) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(names) != 1:
        raise ValueError(f"a zip of one file is needed, and this one has {listed(names)}")
    return archive.open(names[0])


OPENERS: dict[str, Callable[[Any], Any]] = {
    "none": lambda file: file,
    "gzip": gzip.open,
    "bz2": bz2.open,
    "xz": lzma.open,
    "zip": _only_member,
    "zstd": lambda file: pa.CompressedInputStream(file, "zstd"),
}


def advice(head: bytes, style: FileFormat) -> list[str]:
    """Keys of `source` that would read a file with this beginning, as YAML; none where all fits."""
    for start, key in MAGIC.items():
        if head.startswith(start):
            return [key]
    if head.startswith(ZIP):  # a workbook is one, too
        return ["format: excel" if WORKBOOK.search(head) else "compression: zip"]
    encoding = _encoding(head, style.encoding)
    keys = [f"encoding: {encoding}"] if encoding != style.encoding else []
    lines = head.decode(encoding, "replace").splitlines()[:100]
    if separator := _separator(lines, style.separator):
        keys.append('separator: "\\t"' if separator == "\t" else f'separator: "{separator}"')
        if style.decimal != "," and separator != "," and _has_decimal_commas(lines[1:], separator):
            keys.append('decimal: ","')
    return keys


def _encoding(head: bytes, expected: str) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder(expected)().decode(head)  # the last letter may be cut
    except UnicodeDecodeError:
        return "cp1252"
    return expected


def _separator(lines: Sequence[str], expected: str) -> str:
    """The sign that parts the names of the header; empty where it is the expected one, or none."""
    header = lines[0] if lines else ""
    best = max(SEPARATORS, key=header.count)
    return best if best in header and expected not in header else ""


def _has_decimal_commas(lines: Sequence[str], separator: str) -> bool:
    cells = [cell.strip().strip('"') for line in lines for cell in line.split(separator)]
    return any(map(DECIMAL_COMMA.fullmatch, cells)) and not any(map(DECIMAL_POINT.fullmatch, cells))
