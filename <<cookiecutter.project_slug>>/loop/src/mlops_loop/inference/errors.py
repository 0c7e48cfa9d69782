"""Why a request gets no prediction. Each message is a sentence for the person who sent it.

    RequestRefused
    |-- BodyUnreadable   not JSON, or not a table
    |-- BodyTooLarge     more bytes or rows than one request may have
    |-- RowsRefused      rows break the contract
    `-- NoModel          no bundle is loaded

None of these ends the process, so they have no exit code. `serving/refusals.py` has their statuses.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

IS_MISSING = "is missing"


class RequestRefused(Exception):
    """Base of all errors below."""


class BodyUnreadable(RequestRefused):
    """The body is not what the route reads."""


class BodyTooLarge(RequestRefused):
    """The body, one row of it, or the number of its rows is over a limit."""


class NoModel(RequestRefused):
    """Nothing can be predicted: no valid bundle was found."""


@dataclass(frozen=True)
class FieldError:
    """One value that is not allowed.

    `row` counts from 0 and is None for a single row; `column` is None where the error is about the
    whole row or body. `value` is shortened for display.
    """

    column: str | None
    row: int | None
    value: Any
    problem: str
    allowed: str

    def __str__(self) -> str:
        row = "" if self.row is None else f"row {self.row}"
        column = "" if self.column is None else f"column {self.column}"
        place = ", ".join(filter(None, [row, column])) or "the body"
        shown = "" if self.problem == IS_MISSING else f"{as_json(self.value)} "
        return f"In {place}: {shown}{self.problem}. Allowed: {self.allowed}."


class RowsRefused(RequestRefused):
    """Rows break the contract: `errors` holds the first of `total`."""

    def __init__(self, errors: list[FieldError], total: int) -> None:
        self.errors = errors
        self.total = total
        more = f" And {total - 1} more." if total > 1 else ""
        super().__init__(f"{errors[0]}{more}")


def as_json(value: Any) -> str:
    """A value as JSON for people: no escapes for letters outside of ASCII."""
    return json.dumps(value, ensure_ascii=False, default=str)
