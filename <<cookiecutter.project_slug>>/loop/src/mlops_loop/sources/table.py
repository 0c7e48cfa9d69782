"""The table of a source, whatever its kind.

A kind of the loop is a section of `source_params.py`, a module here, and a line in `READERS`; all
other kinds are functions of the user's.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from mlops_loop.columns import one_type_per_column
from mlops_loop.errors import DataRefused
from mlops_loop.source_params import Api, Source, Sql
from mlops_loop.sources.files import read_files
from mlops_loop.sources.own import read_own


def _read_sql(source: Sql) -> pd.DataFrame:
    from mlops_loop.sources.sql import read_sql  # SQLAlchemy takes as long to load as small files

    return read_sql(source)


def _read_api(source: Api) -> pd.DataFrame:
    from mlops_loop.sources.api import read_api

    return read_api(source)


READERS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": read_files,
    "sql": _read_sql,
    "api": _read_api,
}


def read(source: Source) -> pd.DataFrame:
    """All rows of the source, every column of one type; raises DataRefused without a row."""
    table = READERS.get(source.kind, read_own)(source)
    if table.empty:
        raise DataRefused(f"The source {source.name!r} has no rows.")
    if len(repeated := table.columns[table.columns.duplicated()]):
        raise DataRefused(f"The source {source.name!r} has the column {repeated[0]!r} twice.")
    return one_type_per_column(table)
