"""The verb `watch`: note the state of a source where DVC can see it.

DVC runs `ingest` again when its dependency `source.watch` changed. It sees folders itself; for what
is elsewhere, this writes a small file that is committed, so that a change of the data is a commit.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pandas as pd

from ..params import STATE, Files, Params
from .files import state_of_files
from .table import read


def state_of_rows(table: pd.DataFrame) -> dict[str, str]:
    """Number of rows and a hash of names and values, whatever the order of the rows.

    A query without ORDER BY may give them in any order, which is no change of the data.
    """
    # A missing value is not an empty text, "1" is not 1, and a text may have several lines.
    form = {"na_rep": "\1", "quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\0"}
    lines = "\0".join(sorted(table.to_csv(index=False, **form).split("\0")))
    return {"rows": str(len(table)), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def run(params: Params) -> None:
    """Write `data/source.json` if the source is in another state than noted, and say which."""
    source, path = params.source, Path(params.source.watch)
    if source.watch != STATE:
        return print(f"watch: DVC watches {path} itself, there is nothing to do")
    found = state_of_files if isinstance(source, Files) else lambda s: state_of_rows(read(s))
    text = json.dumps({source.name: found(source)}, indent=2, ensure_ascii=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return print(f"watch: {source.name} is as {path} says")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"watch: {source.name} changed, see {path}. Next: dvc repro, and commit the file")
