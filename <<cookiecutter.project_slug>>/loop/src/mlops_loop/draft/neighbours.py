"""The files beside those of a table: those of another table make room for it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_loop.draft.safety import is_safe
from mlops_loop.draft.table import RAW, Table
from mlops_loop.errors import ProjectError
from mlops_loop.file_format import COMPRESSIONS, FORMS, FileFormat
from mlops_loop.source_params import Files
from mlops_loop.sources import csv_files
from mlops_loop.sources.files import read_files

LATER = Path("data/later")
TABLES = {".csv", ".tsv", *FORMS, *COMPRESSIONS}  # a database, or a note about the data, stays


def strangers(table: Table) -> list[Path]:
    """Tables of data/raw and data/later with other columns than this one; git has each of them."""
    files = [path for folder in (RAW, LATER) for path in sorted(folder.glob("*"))]
    near = [path for path in files if path.suffix.lower() in TABLES]
    own = {path.resolve() for path in table.files}
    return [p for p in near if p.resolve() not in own and is_safe(p) and _differs(p, table)]


def with_room(table: Table) -> Table:
    """The table with a glob for a path, where it would match no file but its own.

    So files that come later are read as well.
    """
    path = Path(table.source.get("path", ""))
    if not table.source or "*" in path.name:
        return table
    suffixes = path.suffixes[-2 if path.suffix in COMPRESSIONS else -1 :]
    glob = f"*{''.join(suffixes)}"
    near = {p for p in path.parent.glob(glob) if p != path} - {*strangers(table)}
    if near or not path.suffix:
        return table
    return replace(table, source=table.source | {"path": (path.parent / glob).as_posix()})


def _differs(path: Path, table: Table) -> bool:
    """Also where it cannot be read."""
    try:
        return set(header(path, table.source)) != set(table.rows)
    except (ProjectError, OSError, ValueError):
        return True


def header(path: Path, source: Mapping[str, Any]) -> list[str]:
    """The columns of a file that is written as `source` says."""
    keys = {key: value for key, value in source.items() if key in FileFormat.model_fields}
    style = FileFormat(**keys)
    if style.form_of(path.name) != "csv":
        return list(read_files(Files(path=path.as_posix(), fingerprint="data/source.json", **keys)))
    with path.open("rb") as file:
        opened = csv_files.OPENERS[style.compression_of(path.name)](file)
        text = opened.read(csv_files.MOST_BYTES).decode(style.encoding, "replace")
    lines = csv.reader(text.splitlines(), delimiter=style.separator, quotechar=style.quote)
    return next(lines, [])
