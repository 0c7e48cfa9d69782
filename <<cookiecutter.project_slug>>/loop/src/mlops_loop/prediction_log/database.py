"""The tables of the log, in SQLite or PostgreSQL: one SQL for both.

    predictions   one row for each request: inputs and predictions are JSON arrays, one item per row
    outcomes      the true outcomes, by request and row
    problems      by day how many requests were refused or failed, and how many values of which
                  column were refused for which reason: numbers, and no value
    identity      one name, by chance, so that an archive can tell two logs apart

Ids sort by time (ids.py), so reading a span or deleting old requests needs no other index.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

from mlops_loop.errors import LogUnavailable, UsageError
from mlops_loop.prediction_log import sqlite_file
from mlops_loop.prediction_log.cursor import Cursor, reason
from mlops_loop.prediction_log.ids import first_id, utc
from mlops_loop.prediction_log.postgres import Postgres
from mlops_loop.prediction_log.sqlite_file import SqliteFile

FORMS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
TIMEOUT_S = 5
FULL_TRIES, FULL_WAIT_S = 50, 0.1  # to delete from a file whose disk is full
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
    "CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY, name TEXT NOT NULL)",
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
        self._connection: Any = None
        self._writes, self._read_only = writes, read_only
        self._file: SqliteFile | None = None
        scheme = url.partition("://")[0]
        if scheme in ("postgresql", "postgres"):
            self._server = Postgres(url, TIMEOUT_S, read_only)
            self._failures, self._mark = self._server.failures, "%s"
        elif path := sqlite_file.path_of(url):
            self._file = SqliteFile(path, TIMEOUT_S)
            self._failures, self._mark = (sqlite3.Error, OSError), "?"
        else:
            raise UsageError(f"LOG_URL begins with {scheme + '://'!r}, allowed is {FORMS}.")

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """One transaction, committed at the end; rolled back where something is raised."""
        with self._used() as connection:
            yield Cursor(connection.cursor(), self._mark)

    @contextmanager
    def _used(self) -> Iterator[Any]:
        connection = None
        try:
            connection = self._connection or self._connect()
            yield connection
            connection.commit()
            if self._writes and self._file:
                self._file.must_be_there()
            self._connection = connection if self._writes else None
        except self._failures as error:
            self._connection = None
            raise LogUnavailable(f"The prediction log cannot be used: {reason(error)}.") from error
        finally:
            if connection and not self._connection:
                connection.close()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Any:
        if not self._file:
            connection: Any = self._server.connect()
        elif self._read_only:
            connection = self._file.read()
        else:
            connection = self._file.open(create=self._writes)
        for sql in TABLES if self._writes else ():
            connection.execute(sql)
        if self._writes:
            name = f"INSERT INTO identity VALUES (1, {self._mark}) ON CONFLICT DO NOTHING"
            connection.execute(name, (uuid.uuid4().hex,))
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

    def identity(self) -> str:
        """The name of this log; empty for one that an earlier version made."""
        try:
            with self.cursor() as cursor:
                return str(next(iter(cursor.run("SELECT name FROM identity")))[0])
        except LogUnavailable:
            return ""

    def prune(self, until: datetime) -> int:
        """Delete older requests in small steps, and problems; returns how many requests."""
        deleted = self._delete("id < ?", first_id(until))
        if self.problems(until.date()) is not None:
            with self.cursor() as cursor:
                cursor.run("DELETE FROM problems WHERE day < ?", str(until.date()))
        return deleted

    def delete(self, ids: Sequence[str], before: datetime) -> int:
        """Delete requests, but none with an outcome from `before` on or later; returns how many."""
        marks = ", ".join("?" * len(ids))
        newer = f"SELECT id FROM outcomes WHERE id IN ({marks}) AND at >= ?"
        moment = utc(int(before.timestamp() * 1000) * 1_000_000)
        return self._delete(f"id IN ({marks}) AND id NOT IN ({newer})", *ids, *ids, moment)

    def forget(self, subject: str) -> int:
        """Delete all requests about one subject, given by its hash; returns how many."""
        return self._delete("subject = ?", subject)

    def room(self) -> tuple[int, int] | None:
        """The size of the file, and what of it is free, in bytes; None where it is no file."""
        if not self._file:
            return None
        with self._used() as connection:
            return sqlite_file.room(connection)

    def _delete(self, which: str, *values: str) -> int:
        """In small steps; on a full disk the room of the reserve is what they need."""
        if not self._file:
            return sum(iter(lambda: self._delete_some(which, *values), 0))
        self._file.give_up_reserve()
        try:
            return sum(iter(lambda: self._delete_patiently(which, *values), 0))
        finally:
            self._file.keep_reserve()

    def _delete_patiently(self, which: str, *values: str) -> int:
        """A server that writes wants the same room: it may be full for a moment."""
        tries = FULL_TRIES
        while True:
            try:
                self._tidy()
                return self._delete_some(which, *values)
            except LogUnavailable as error:
                tries -= 1
                if not (tries and sqlite_file.no_room(error.__cause__)):
                    raise
            time.sleep(FULL_WAIT_S)

    def _tidy(self) -> None:
        with self._used() as connection:
            sqlite_file.tidy(connection)

    def _delete_some(self, which: str, *values: str) -> int:
        """Delete the first requests that a condition holds for; returns how many."""
        with self.cursor() as cursor:
            some = f"SELECT id, n_rows FROM predictions WHERE {which} LIMIT 500"
            ids = _fitting(cursor.run(some, *values))
            marks = ", ".join("?" * len(ids))
            for table in ("outcomes", "predictions") if ids else ():
                cursor.run(f"DELETE FROM {table} WHERE id IN ({marks})", *ids)
        return len(ids)


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
