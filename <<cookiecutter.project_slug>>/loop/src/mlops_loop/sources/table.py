"""The table of a source, whatever its kind.

A kind of the loop is a section of `source_params.py`, a module here, and a line in `READERS`; all
other kinds are functions of the user's.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from mlops_loop.columns import replaced, typed
from mlops_loop.errors import DataRefused
from mlops_loop.source_params import Source
from mlops_loop.sources.api import read_api
from mlops_loop.sources.files import read_files
from mlops_loop.sources.own import read_own
from mlops_loop.sources.sql import read_sql

READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": read_files,
    "sql": read_sql,
    "api": read_api,
}


def read(source: Source) -> pd.DataFrame:
    """All rows of the source, every column of one type; raises DataRefused without a row."""
    table = READERS.get(source.kind, read_own)(source)
    if table.empty:
        raise DataRefused(f"The source {source.name!r} has no rows.")
    if len(repeated := table.columns[table.columns.duplicated()]):
        raise DataRefused(f"The source {source.name!r} has the column {repeated[0]!r} twice.")
    return one_type_per_column(table)


def one_type_per_column(table: pd.DataFrame) -> pd.DataFrame:
    """The table in types that Parquet has, each value with the text that it came with.

    A column of objects gets the type that all of its values have (`columns.typed`). Without one it
    becomes text, as do lists, objects, bytes and integers of more than 64 bits. Missing stays.
    """
    found = {name: typed(table[name]) for name in table.columns[table.dtypes == "object"]}
    return replaced(table, found)
