"""The table of a draft, and the section `source` of params.yaml that reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_loop import files, paths
from mlops_loop.columns import is_missing, texts
from mlops_loop.draft.kinds import GROUPS, NUMBER
from mlops_loop.errors import UsageError
from mlops_loop.file_format import FileFormat, mark, plain_numbers
from mlops_loop.source_params import Files
from mlops_loop.sources import csv_files, table
from mlops_loop.text import listed
from mlops_loop.yaml_text import parse

RAW = Path("data/raw")
# How numbers may be written, by decimal and thousands sign; a plain way comes before an odd one.
WAYS = ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", " "), (".", "'"))
LOOKED_AT = 2000  # rows that choose one of these


@dataclass(frozen=True)
class Table:
    """A table, and how params.yaml names it.

    files: what was read. source: the section `source`; empty where params.yaml reads it already.
    copies: whether the files are to be copied to data/raw.
    """

    rows: pd.DataFrame
    files: tuple[Path, ...]
    source: dict[str, Any]
    copies: bool = False


def read(given: Sequence[Path]) -> Table:
    """Read files of one table, as they are written.

    Raises UsageError for files that no single path names, DataRefused for what is no table.
    """
    found = [_existing(path) for path in given]
    if found == [paths.INGESTED]:
        return Table(files.read_table(paths.INGESTED), tuple(found), {})
    path, keys = _one_path(found), _keys(found[0])
    rows = _read(path, keys)
    if Files(path=path, fingerprint=_folder(path), **keys).form_of(path) == "csv":
        keys |= _signs(rows, keys)
        rows = _marked(rows, keys)
    folder = found[0].parent
    copies = not _is_in_project(folder)
    source = {"kind": "files", "path": (RAW / Path(path).name).as_posix() if copies else path}
    source |= {"fingerprint": _folder(source["path"])} | keys
    return Table(rows, tuple(found), source, copies)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"{path} is no file. Next: name the files of a table, as data/raw/*.csv")
    root = Path.cwd().resolve()
    whole = path.resolve()
    return whole.relative_to(root) if whole.is_relative_to(root) else whole


def _is_in_project(folder: Path) -> bool:
    """Where git and DVC look after it: in a folder other than `build`, which is in no commit."""
    return not folder.is_absolute() and folder != Path() and folder.parts[0] != "build"


def _one_path(found: Sequence[Path]) -> str:
    """The path of one file, or the glob that matches these files and no others."""
    if len(found) == 1:
        return found[0].as_posix()
    glob = found[0].parent / f"*{found[0].suffix}"
    matched = sorted(glob.parent.glob(glob.name))
    if matched != sorted(set(found)):
        raise UsageError(
            f"No single path names {listed(found, 3)}: {glob} matches {len(matched):,} files. "
            "Next: put the files of the table into a folder of their own, as data/raw"
        )
    return glob.as_posix()


def _folder(path: str) -> str:
    return Path(path).parent.as_posix()


def _keys(path: Path) -> dict[str, Any]:
    """Keys of `source` that the beginning of a file shows."""
    keys: dict[str, Any] = {}
    for _ in range(3):  # compressed, in another encoding, with another separator
        style = FileFormat(**keys)
        if style.form_of(str(path)) != "csv":
            break
        with path.open("rb") as file:
            opened = csv_files.OPENERS[style.compression_of(str(path))](file)
            new = csv_files.advice(opened.read(csv_files.MOST_BYTES), style)
        if not new:
            break
        keys |= parse("\n".join(new))
    return keys


def _read(path: str, keys: Mapping[str, Any]) -> pd.DataFrame:
    return table.read(Files(path=path, fingerprint=_folder(path), **keys))


def _marked(rows: pd.DataFrame, keys: Mapping[str, Any]) -> pd.DataFrame:
    return mark(rows, FileFormat(**keys))


def _signs(rows: pd.DataFrame, keys: Mapping[str, Any]) -> dict[str, str]:
    """Decimal and thousands sign with which most columns are numbers; the stated ones first."""
    stated = (keys.get("decimal", "."), "")
    sample = rows.head(LOOKED_AT).copy()
    counts = {way: sum(_are_numbers(sample, way)) for way in dict.fromkeys((stated, *WAYS))}
    decimal, thousands = max(counts, key=lambda way: counts[way])
    # Whoever parts columns with semicolons has a decimal comma, and points between thousands.
    plain = (decimal, thousands) == (".", "") and counts[",", "."] == counts[".", ""]
    if keys.get("separator") == ";" and plain and _has_groups(sample):
        decimal, thousands = ",", "."
    signs = {"decimal": decimal} if decimal != "." else {}
    return signs | ({"thousands": thousands} if thousands else {})


def _has_groups(sample: pd.DataFrame) -> bool:
    """Whether a column has points, and each of its values one before three digits."""
    written = (texts(sample[name]).dropna() for name in sample.select_dtypes("str"))
    return any(len(t) > 2 and t.str.fullmatch(GROUPS).all() for t in written)


def _are_numbers(sample: pd.DataFrame, way: tuple[str, str]) -> Iterator[bool]:
    marked = mark(sample.copy(), FileFormat(decimal=way[0], thousands=way[1]))
    for name in sample.select_dtypes("str"):
        written = texts(sample[name])
        core = written[~is_missing(written)]
        plain = plain_numbers(core, marked).astype("str").str.strip()
        yield len(core) > 0 and bool(plain.str.fullmatch(NUMBER).fillna(False).all())
