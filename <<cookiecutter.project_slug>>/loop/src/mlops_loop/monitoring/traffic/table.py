"""The rows of production as tables, whatever they come from.

    prediction_id, row     the request, and which of its rows, counted from 0
    at                     when it was predicted (datetime64, UTC)
    model_version          what made the prediction
    inputs, output         the model's input and output, a dict each
    outcome, outcome_at    the true outcome and when it was reported; None and NaT where unknown
    latency_ms             of the request; NaN where unknown, as in a replay

The hash of the subject and the image are left behind: no check needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Protocol

import pandas as pd

from mlops_loop.errors import LogUnavailable
from mlops_loop.prediction_log.database import Problems

COLUMNS = (
    "prediction_id", "row", "at", "model_version", "inputs", "output", "outcome", "outcome_at",
    "latency_ms",
)  # fmt: skip
MOMENTS = ("at", "outcome_at")
CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class Chunk:
    """Some rows of one day (UTC), oldest first; a day may have several chunks, or none."""

    day: date
    rows: pd.DataFrame


class Source(Protocol):
    """A kind of traffic. `note` is what every report has to say about it; empty for production.

    `day` raises LogUnavailable where rows cannot be read or are not whole, UsageError where a
    setting is wrong. A day that failed can be asked for again. `problems` is what the log counted
    on a day that was read; None where that is not known.
    """

    @property
    def note(self) -> str: ...

    def day(self, day: date) -> Iterator[pd.DataFrame]: ...

    def problems(self, day: date) -> Problems | None: ...


def read(source: Source, since: date, until: date) -> Iterator[Chunk]:
    """The rows from the day `since` up to, and without, the day `until`, in order.

    Raises LogUnavailable as `Source.day` does, and for a row that is of another day.
    """
    for number in range((until - since).days):
        day = since + timedelta(days=number)
        for rows in source.day(day):
            _check_day(rows, day)
            yield Chunk(day, rows)


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a day (UTC), and that of the next one."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def _check_day(rows: pd.DataFrame, day: date) -> None:
    start, end = map(pd.Timestamp, bounds(day))
    if (odd := rows.loc[~rows["at"].between(start, end, inclusive="left"), "at"]).size:
        raise LogUnavailable(f"Among the rows of {day} is one of {odd.iloc[0]}. Nothing is read.")


def of_records(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as `prediction_log/records.py` makes them, as a table."""
    rows = list(records)
    columns = {name: [row[name] for row in rows] for name in COLUMNS[:-1]}
    return of_columns(columns | {"latency_ms": [row.get("latency_ms") for row in rows]})


def of_columns(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Values by the name of their column, in lists or arrays, as a table."""
    types: dict[str, Any] = dict.fromkeys(COLUMNS, object) | dict.fromkeys(MOMENTS)
    made = {name: pd.Series(columns[name], dtype=types[name]) for name in COLUMNS}
    for name in MOMENTS:
        moments = pd.to_datetime(made[name], utc=True, format="ISO8601")
        made[name] = moments.dt.as_unit("ms")
    return pd.DataFrame(made).astype({"row": "int64", "latency_ms": "float64"})


def chunks(records: Iterator[Mapping[str, Any]]) -> Iterator[pd.DataFrame]:
    """Records as tables of at most CHUNK_ROWS rows."""
    while some := list(islice(records, CHUNK_ROWS)):
        yield of_records(some)


def inputs(rows: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The inputs of rows as columns; None where a row does not name one."""
    given = rows["inputs"].tolist()
    columns = {name: [row.get(name) for row in given] for name in names}
    return pd.DataFrame(columns, rows.index, dtype=object)
