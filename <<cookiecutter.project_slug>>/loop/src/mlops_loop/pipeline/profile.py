"""A page about a table: distributions, missing values, outliers, associations; one HTML file.

It is no stage of `dvc.yaml`: it is drawn on request, by skrub's TableReport.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mlops_loop import columns, files
from mlops_loop.errors import UsageError
from mlops_loop.pipeline.split import RESERVED, TARGET
from mlops_loop.sources.files import read_csv

NUMBER = r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"
MAX_ROWS = 20_000


def read(path: Path) -> pd.DataFrame:
    """At most 20,000 evenly taken rows of a Parquet or CSV file; raises UsageError."""
    try:
        table = _read_csv(path) if path.suffix == ".csv" else files.read_table(path)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} is no table (Parquet, or CSV by its ending): {reason}") from error
    if table.empty:
        raise UsageError(f"{path} has no rows, so there is nothing to look at.")
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, MAX_ROWS).astype(int))]


def _read_csv(path: Path) -> pd.DataFrame:
    """A CSV for people: a column is of numbers where each text is one, without zeros before it."""
    return read_csv(path).apply(_numbers_or_texts)


def _numbers_or_texts(values: pd.Series) -> pd.Series:
    written = values[~columns.is_missing(values)]
    is_number = len(written) and written.str.fullmatch(NUMBER).all()
    return columns.numbers(values) if is_number else values


def run(path: Path, out: Path) -> None:
    """Write the page; the target stands first, so that its associations are easy to find."""
    import skrub

    table = read(path)
    shown = [name for name in table if name not in RESERVED]
    if TARGET in table:
        table = table.rename(columns={TARGET: "target"})
        shown = ["target", *(name for name in shown if name != "target")]
    out.parent.mkdir(parents=True, exist_ok=True)
    title = f"{path}: {len(table):,} rows"
    skrub.TableReport(table[shown], title=title, verbose=0, open_tab="distributions").write_html(
        out
    )
