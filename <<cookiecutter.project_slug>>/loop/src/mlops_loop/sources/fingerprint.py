"""The command `fingerprint`: write what a source looks like now where DVC can see it.

DVC runs `ingest` again when its dependency `source.fingerprint` changed. It sees folders itself;
for a source elsewhere, this writes a small file to be committed, so a change of data is a commit.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pandas as pd

from mlops_loop import paths
from mlops_loop.params import Files, Params
from mlops_loop.sources.files import state_of_files
from mlops_loop.sources.table import read


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
    source, path = params.source, Path(params.source.fingerprint)
    if source.fingerprint != str(paths.SOURCE_STATE):
        return print(f"fingerprint: DVC sees changes of {path} itself, there is nothing to do")
    found = state_of_files if isinstance(source, Files) else lambda s: state_of_rows(read(s))
    text = json.dumps({source.name: found(source)}, indent=2, ensure_ascii=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return print(f"fingerprint: {source.name} is unchanged, see {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"fingerprint: {source.name} changed, see {path}. Next: dvc repro, and commit the file")
