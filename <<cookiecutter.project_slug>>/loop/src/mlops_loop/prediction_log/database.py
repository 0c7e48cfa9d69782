"""The tables of the log, in SQLite or PostgreSQL: one SQL for both.

    predictions   one row for each request: inputs and predictions are JSON arrays, one item per row
    outcomes      the true outcomes, by request and row
    problems      by day how many requests were refused or failed, and how many values of which
                  column were refused for which reason: numbers, and no value

Ids sort by time (ids.py), so reading a span or deleting old requests needs no other index.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from mlops_loop.errors import LogUnavailable, UsageError
from mlops_loop.prediction_log.ids import first_id

FORMS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
TIMEOUT_S = 5
MAX_INSERTED = 200  # rows in one statement: each statement takes the interpreter's lock
PAGE_ROWS = 5_000  # read at once; a request with more is a page of its own

TABLES = (
    """CREATE TABLE IF NOT EXISTS predictions (
        id TEXT PRIMARY KEY, at TEXT NOT NULL, model_version TEXT NOT NULL,
        image_digest TEXT NOT NULL, latency_ms REAL NOT NULL, subject TEXT,
        n_rows INTEGER NOT NULL, inputs TEXT NOT NULL, predictions TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS subjects ON predictions (subject) WHERE subject IS NOT NULL",
    """CREATE TABLE IF NOT EXISTS outcomes (
        id TEXT NOT NULL, place INTEGER NOT NULL, at TEXT NOT NULL, outcome TEXT NOT NULL,
        PRIMARY KEY (id, place))""",
    """CREATE TABLE IF NOT EXISTS problems (
        day TEXT NOT NULL, column_name TEXT NOT NULL, problem TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY (day, column_name, problem))""",
)
REFUSED, FAILED = "request refused", "request failed"  # problems of no column


class Logged(NamedTuple):
    """One request; `inputs` and `predictions` are JSON arrays with an item for each row."""

    id: str
    at: str
    model_version: str
    image_digest: str
    latency_ms: float
    subject: str | None
    n_rows: int
    inputs: str
    predictions: str


class Outcome(NamedTuple):
    """The true outcome of row `place` of a request; `outcome` is JSON."""

    id: str
    place: int
    at: str
    outcome: str


class Problem(NamedTuple):
    """How often something was wrong on a day; `column` is empty for a request as a whole."""

    day: str
    column: str
    problem: str
    n: int


Problems = Mapping[tuple[str, str], int]  # by column and problem
Page = tuple[list[Logged], dict[tuple[str, int], Outcome]]


class Database:
    """The database of a URL, opened when it is needed.

    Methods raise LogUnavailable with the reason where the database cannot be read or written.
    """

    def __init__(self, url: str, writes: bool = False, read_only: bool = False) -> None:
        """With `writes`, missing tables are created, and one connection stays open.

        With `read_only`, the database itself refuses every change.
        Raises UsageError where the URL has another form, or its library is not installed.
        """
        scheme, _, rest = url.partition("://")
        self._url, self._file = url, Path(rest.removeprefix("/"))
        self._failures: tuple[type[Exception], ...] = (sqlite3.Error, OSError)
        self._psycopg: Any = None
        self._connection: Any = None
        self._writes, self._read_only = writes, read_only
        if scheme in ("postgresql", "postgres"):
            self._psycopg = _psycopg()
            self._failures = (self._psycopg.Error, OSError)
        elif scheme != "sqlite" or not rest.startswith("/") or rest == "/":
            raise UsageError(f"LOG_URL begins with {scheme + '://'!r}, allowed is {FORMS}.")

    @contextmanager
    def cursor(self) -> Iterator[_Cursor]:
        """One transaction, committed at the end; rolled back where something is raised."""
        connection = None
        try:
            connection = self._connection or self._connect()
            yield _Cursor(connection.cursor(), "%s" if self._psycopg else "?")
            connection.commit()
            self._connection = connection if self._writes else None
        except self._failures as error:
            self._connection = None
            raise LogUnavailable(f"The prediction log cannot be used: {_reason(error)}.") from error
        finally:
            if connection and not self._connection:
                connection.close()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Any:
        if self._psycopg:
            limit = f"-c statement_timeout={TIMEOUT_S * 1000}"
            limit += " -c default_transaction_read_only=on" * self._read_only
            connection = self._psycopg.connect(self._url, connect_timeout=TIMEOUT_S, options=limit)
        else:
            connection = self._open_file()
        for sql in TABLES if self._writes else ():
            connection.execute(sql)
        return connection

    def _open_file(self) -> sqlite3.Connection:
        if self._read_only:
            place = f"{self._file.absolute().as_uri()}?mode=ro"
            return sqlite3.connect(place, timeout=TIMEOUT_S, check_same_thread=False, uri=True)
        if self._writes:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        # It holds people's data.
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT * self._writes, 0o600))
        connection = sqlite3.connect(self._file, timeout=TIMEOUT_S, check_same_thread=False)
        for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {setting}")
        return connection

    def pages(self, since: datetime, until: datetime) -> Iterator[Page]:
        """Requests from `since` up to `until`, oldest first, with outcomes by (id, place).

        A page has some requests with at most `PAGE_ROWS` rows, or one with more.
        """
        last, end = first_id(since), first_id(until)
        while True:
            with self.cursor() as cursor:
                sql = (
                    "SELECT id, n_rows FROM predictions WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
                )
                if not (ids := _fitting(cursor.run(sql, last, end, PAGE_ROWS))):
                    return
                sql, between = "SELECT * FROM {} WHERE id BETWEEN ? AND ?", (ids[0], ids[-1])
                rows = cursor.run(sql.format("predictions") + " ORDER BY id", *between)
                page = [Logged(*row) for row in rows]
                rows = cursor.run(sql.format("outcomes"), *between)
                outcomes = {row[:2]: Outcome(*row) for row in rows}
            if page:  # else another process has just deleted them
                yield page, outcomes
            last = ids[-1]

    def first(self, since: datetime, until: datetime) -> datetime | None:
        """The moment of the first request of `pages`; None where there is none."""
        with self.cursor() as cursor:
            sql = "SELECT at FROM predictions WHERE id > ? AND id < ? ORDER BY id LIMIT 1"
            found = [row[0] for row in cursor.run(sql, first_id(since), first_id(until))]
        return datetime.fromisoformat(found[0]) if found else None

    def count(self, since: datetime, until: datetime) -> int:
        """The number of rows that `pages` gives."""
        with self.cursor() as cursor:
            sql = "SELECT COALESCE(SUM(n_rows), 0) FROM predictions WHERE id > ? AND id < ?"
            return int(next(iter(cursor.run(sql, first_id(since), first_id(until))))[0])

    def n_rows(self, ids: Sequence[str]) -> dict[str, int]:
        """The number of rows by request; ids that are not in the log are left out."""
        with self.cursor() as cursor:
            marks = ", ".join("?" * len(ids))
            sql = f"SELECT id, n_rows FROM predictions WHERE id IN ({marks})"
            return dict(cursor.run(sql, *ids))

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Store outcomes; one that was stored for a row before is replaced."""
        with self.cursor() as cursor:
            change = "DO UPDATE SET at = excluded.at, outcome = excluded.outcome"
            cursor.insert("outcomes", outcomes, f"(id, place) {change}")

    def add_problems(self, problems: Sequence[Problem]) -> None:
        """Add to what is counted already; other replicas may do the same."""
        with self.cursor() as cursor:
            change = "DO UPDATE SET n = problems.n + excluded.n"
            cursor.insert("problems", problems, f"(day, column_name, problem) {change}")

    def problems(self, day: date) -> Problems | None:
        """What was counted on a day (UTC); None where this log does not count, as an older one."""
        try:
            with self.cursor() as cursor:
                sql = "SELECT column_name, problem, n FROM problems WHERE day = ?"
                return {(column, problem): n for column, problem, n in cursor.run(sql, str(day))}
        except LogUnavailable:
            return None

    def prune(self, until: datetime) -> int:
        """Delete older requests in small steps, and problems; returns how many requests."""
        if self.problems(until.date()) is not None:
            with self.cursor() as cursor:
                cursor.run("DELETE FROM problems WHERE day < ?", str(until.date()))
        return self._delete("id < ?", first_id(until))

    def forget(self, subject: str) -> int:
        """Delete all requests about one subject, given by its hash; returns how many."""
        return self._delete("subject = ?", subject)

    def _delete(self, which: str, value: str) -> int:
        total, some = 0, f"SELECT id FROM predictions WHERE {which} LIMIT 500"
        while True:
            with self.cursor() as cursor:
                ids = [row[0] for row in cursor.run(some, value)]
                for table in ("outcomes", "predictions") if ids else ():
                    marks = ", ".join("?" * len(ids))
                    cursor.run(f"DELETE FROM {table} WHERE id IN ({marks})", *ids)
                if not ids and not self._psycopg:  # else the journal still holds what was deleted
                    cursor.run("PRAGMA wal_checkpoint(TRUNCATE)")
            if not ids:
                return total
            total += len(ids)


class _Cursor:
    """A DB-API cursor that takes SQL with `?` as placeholder, whatever the library's own is."""

    def __init__(self, cursor: Any, mark: str) -> None:
        self._cursor, self._mark = cursor, mark

    def run(self, sql: str, *values: Any) -> Any:
        return self._cursor.execute(sql.replace("?", self._mark), values)

    def insert(self, table: str, rows: Sequence[tuple], conflict: str) -> None:
        for start in range(0, len(rows), MAX_INSERTED):
            some = rows[start : start + MAX_INSERTED]
            marks = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
            values = [value for row in some for value in row]
            self.run(f"INSERT INTO {table} VALUES {marks} ON CONFLICT {conflict}", *values)


def _psycopg() -> Any:
    try:
        import psycopg
    except ModuleNotFoundError:
        raise UsageError(
            "LOG_URL names PostgreSQL, whose library is not installed here. "
            "Next: uv sync --group postgres, or --build-arg GROUP=postgres for an image"
        ) from None
    return psycopg


def _fitting(requests: Iterable[tuple[str, int]]) -> list[str]:
    """The ids of the first requests, whose rows fit on a page; at least one, where there is one."""
    ids: list[str] = []
    total = 0
    for id_, n_rows in requests:
        total += n_rows
        if ids and total > PAGE_ROWS:
            break
        ids.append(id_)
    return ids


def _reason(error: Exception) -> str:
    """The first line of a message; psycopg's names host and user, but no password."""
    return (str(error).splitlines() or [repr(error)])[0].rstrip(".")
