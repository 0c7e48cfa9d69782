"""Source `sql`: the rows of one query, by SQLAlchemy.

The database's URL has a password in it. It comes from the environment and goes to the driver only:
messages of drivers are shown without it, and a URL that cannot be parsed is not shown at all.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, quote_plus

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from mlops_loop import columns
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.source_params import Sql


def read_sql(source: Sql) -> pd.DataFrame:
    """The rows of `source.query`, read `chunk_rows` at a time; nothing is ever committed.

    Raises UsageError where query, variable or driver are missing, DataRefused where the database
    refuses.
    """
    query, url = _query(Path(source.query)), _url(source.url_env)
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        # Without `no_parameters` a driver takes % for the start of a parameter.
        options = {"stream_results": True, "no_parameters": True}
        with engine.connect().execution_options(**options) as connection:
            return _rows(connection.exec_driver_sql(query).yield_per(source.chunk_rows))
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{url.drivername}:// needs the driver {error.name!r}, which is not installed here. "
            "Next: uv add --group pipeline with its package, or name another DATABASE+DRIVER://"
        ) from error
    except (SQLAlchemyError, OSError, TypeError, ValueError) as error:
        reason = _without_secrets(error, url)
        raise DataRefused(f"{source.query} on {source.url_env}: {reason}") from None


def _rows(result: sa.CursorResult) -> pd.DataFrame:
    names = list(result.keys())
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise DataRefused(f"The query gives more than one column {repeated[0]!r}: rename with AS.")
    chunks = []
    with tqdm(desc="read", unit=" rows") as bar:
        for rows in result.partitions():
            values = pd.DataFrame([tuple(row) for row in rows], columns=names, dtype=object)
            chunks.append(values.apply(columns.typed))  # smaller than objects
            bar.update(len(rows))
    return columns.joined(chunks or [pd.DataFrame(columns=names)])


def _query(path: Path) -> str:
    try:
        query = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"source.query = '{path}' cannot be read: {error}") from error
    if not query:
        raise UsageError(f"source.query = '{path}' is empty: it needs a SELECT.")
    return query


def _url(variable: str) -> sa.URL:
    text = os.environ.get(variable, "").strip()
    try:
        url = sa.make_url(text)
        url.get_dialect()
        # After the first of two @ comes the rest of a password, and is taken for the host.
        if text.count("@") < 2 or not url.host:
            return url
    except (SQLAlchemyError, ValueError):
        pass
    raise UsageError(
        f"The environment variable {variable} {'holds no' if text else 'is not set: it needs the'} "
        "URL of a database, such as postgresql://USER:PASSWORD@HOST/DATABASE, with @ : / ? # % in "
        "a password written as %40 %3A %2F %3F %23 %25. It is named by source.url_env."
    )


def _without_secrets(error: Exception, url: sa.URL) -> str:
    text = str(getattr(error, "orig", None) or error)
    secrets = [str(url.password or ""), *map(str, url.query.values())]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # As it is, and as it may be written in a URL; SQLAlchemy leaves spaces and + alone.
        for written in (secret, quote(secret, ""), quote(secret, " +"), quote_plus(secret)):
            text = text.replace(written, "***")
    return " ".join(text.split())
