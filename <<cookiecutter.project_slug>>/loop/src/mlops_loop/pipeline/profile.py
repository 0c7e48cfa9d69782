"""A page about a table: distributions, missing values, outliers, associations; one HTML file.

It is no stage of `dvc.yaml`: it is drawn on request, by skrub's TableReport.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mlops_loop import columns, paths
from mlops_loop.errors import UsageError
from mlops_loop.file_format import FileFormat, plain_numbers
from mlops_loop.pipeline.split import RESERVED, TARGET
from mlops_loop.source_params import Files
from mlops_loop.sources.csv_files import PLAIN
from mlops_loop.sources.files import read_files

NUMBER = r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"
MAX_ROWS = 20_000


def read(path: Path, style: FileFormat = PLAIN) -> pd.DataFrame:
    """At most 20,000 evenly taken rows of a table in a file, its kind by the ending.

    A CSV is written as `style` says, and is for people here: a column is of numbers where each text
    is one, without zeros before it. Raises UsageError, or DataRefused for a file that is no table.
    """
    if not path.exists():
        raise UsageError(f"{path} is missing. Next: name a file, as data/ingested.parquet")
    keys = style.model_dump(include=set(FileFormat.model_fields) - {"format"})
    source = Files(path=str(path), fingerprint=str(paths.SOURCE_STATE), **keys)
    table = read_files(source)
    if table.empty:
        raise UsageError(f"{path} has no rows, so there is nothing to look at.")
    table = table.iloc[np.unique(np.linspace(0, len(table) - 1, MAX_ROWS).astype(int))]
    is_csv = source.form_of(source.path) == "csv"
    return table.apply(_numbers_or_texts, table=table) if is_csv else table


def _numbers_or_texts(values: pd.Series, table: pd.DataFrame) -> pd.Series:
    plain = plain_numbers(values, table)
    written = plain[~columns.is_missing(values)]
    is_number = len(written) and written.str.fullmatch(NUMBER).fillna(False).all()
    return columns.numbers(plain) if is_number else values


def run(path: Path, out: Path, style: FileFormat = PLAIN) -> None:
    """Write the page; the target stands first, so that its associations are easy to find."""
    import skrub

    table = read(path, style)
    shown = [name for name in table if name not in RESERVED]
    if TARGET in table:
        table = table.rename(columns={TARGET: "target"})
        shown = ["target", *(name for name in shown if name != "target")]
    out.parent.mkdir(parents=True, exist_ok=True)
    title = f"{path.name}: {len(table):,} rows"
    skrub.TableReport(table[shown], title=title, verbose=0, open_tab="distributions").write_html(
        out
    )
