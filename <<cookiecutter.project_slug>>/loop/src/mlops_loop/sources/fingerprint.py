"""The state of a source, where DVC can see it.

DVC runs `ingest` again when its dependency `source.fingerprint` changed. It checks folders itself;
for a source elsewhere, this writes a small file to be committed, so a change of data is a commit.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_loop import paths
from mlops_loop.params import Params
from mlops_loop.source_params import Files, Source
from mlops_loop.sources.files import state_of_files
from mlops_loop.sources.table import read


def state_of_rows(table: pd.DataFrame) -> dict[str, str]:
    """`rows`, their number, and `sha256` of column names and values, in any order of the rows.

    A query without ORDER BY may return them in any order, which is no change of the data.
    """
    # A missing value is not an empty text, "1" is not 1, and a text may have several lines.
    form = {"na_rep": "\1", "quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\0"}
    lines = "\0".join(sorted(table.to_csv(index=False, **form).split("\0")))
    return {"rows": str(len(table)), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


@dataclass(frozen=True)
class Fingerprint:
    """The state of a source: `changed` since it was written to `path`, or None if DVC checks it."""

    source: str
    path: Path
    changed: bool | None


def run(params: Params) -> Fingerprint:
    """Write `data/source.json` if the source changed; read no source that DVC checks itself."""
    source, path = params.source, Path(params.source.fingerprint)
    if path != paths.SOURCE_STATE:
        return Fingerprint(source.name, path, None)
    text = json.dumps({source.name: _state(source)}, indent=2, ensure_ascii=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return Fingerprint(source.name, path, False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Fingerprint(source.name, path, True)


def _state(source: Source) -> dict[str, Any]:
    return state_of_files(source) if isinstance(source, Files) else state_of_rows(read(source))
