"""One way to run SQL, and to say why it failed, whatever the library of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MAX_INSERTED = 200  # rows in one statement: each statement takes the interpreter's lock


class Cursor:
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


def reason(error: Exception) -> str:
    """The first line of a message; psycopg's names host and user, but no password."""
    return (str(error).splitlines() or [repr(error)])[0].rstrip(".")
