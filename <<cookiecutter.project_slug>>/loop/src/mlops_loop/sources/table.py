"""The table of a source, whatever its kind.

A kind is a section of `params.py`, a module here, and a line in `READERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from mlops_loop.errors import DataRefused
from mlops_loop.params import Source
from mlops_loop.sources.api import read_api
from mlops_loop.sources.files import read_files
from mlops_loop.sources.sql import read_sql

READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": read_files,
    "sql": read_sql,
    "api": read_api,
}


def read(source: Source) -> pd.DataFrame:
    """All rows of the source, every column of one type; raises DataRefused without a row."""
    table = READERS[source.kind](source)
    if table.empty:
        raise DataRefused(f"The source {source.name!r} has no rows.")
    if len(twice := table.columns[table.columns.duplicated()]):
        raise DataRefused(f"The source {source.name!r} has the column {twice[0]!r} twice.")
    return one_type_per_column(table)


def one_type_per_column(table: pd.DataFrame) -> pd.DataFrame:
    """Text where one part has numbers and another words: a Parquet column has one type.

    Lists, objects, bytes and numbers of more than 64 bits become text too. `validate` reads the
    numbers again and tells the others.
    """
    table = table.infer_objects()  # a part without any value says nothing about the type
    for name in table.columns[table.dtypes == "object"]:
        if re.match("mixed|integer|bytes", pd.api.types.infer_dtype(table[name])):
            table[name] = table[name].map(str, na_action="ignore")
    return table
