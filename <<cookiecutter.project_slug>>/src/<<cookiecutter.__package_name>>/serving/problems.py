"""What is wrong with a request, in words that can be shown to the person who sent it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..contract import Column, Contract

SHOWN = 20
LONGEST_VALUE = 80
LARGEST_SHOWN = 1e300

_PROBLEMS = {
    "missing": "is missing",
    "extra_forbidden": "is not a column of this model",
    "float_type": "is not a number",
    "finite_number": "is not a finite number",
    "multiple_of": "is not a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "bool_type": "is neither true nor false",
    "literal_error": "is not one of the known values",
    "string_type": "is not text",
    "string_unicode": "is not text",
    "string_pattern_mismatch": "does not have the right form",
    "dict_type": "is not a row",
    "too_short": "holds no row",
    "too_long": "holds too many rows",
}


@dataclass(frozen=True)
class Problem:
    """One value that is not allowed.

    `row` counts from 0 and is None for a single row; `column` is None where the whole row or
    body is meant. `value` is short enough to be shown.
    """

    column: str | None
    row: int | None
    value: Any
    problem: str
    allowed: str

    def __str__(self) -> str:
        where = [] if self.row is None else [f"row {self.row}"]
        where += [] if self.column is None else [f"column {self.column}"]
        shown = "" if self.problem == _PROBLEMS["missing"] else _spoken(self.value)
        place = ", ".join(where) or "the body"
        return f"In {place}: {shown} {self.problem}. Allowed: {self.allowed}."


class BodyRefused(Exception):
    """Base of what a client did wrong; `status` is that of the answer."""

    status = 400


class BodyUnreadable(BodyRefused):
    """The body is not JSON."""


class BodyTooLarge(BodyRefused):
    """The body has more bytes than the server takes."""

    status = 413


class RowsRefused(BodyRefused):
    """Rows break the contract: the first `SHOWN` problems of `total`."""

    status = 422

    def __init__(self, problems: Sequence[Problem], total: int) -> None:
        self.problems = problems
        self.total = total
        super().__init__(str(problems[0]) + (f" And {total - 1} more." if total > 1 else ""))


def not_json(body: bytes, error: ValidationError) -> BodyUnreadable | None:
    """The error for a body that is no JSON; None where it is."""
    first = error.errors(include_url=False)[0] if error.error_count() == 1 else None
    if first is None or first["type"] != "json_invalid":
        return None
    if not body.strip():
        return BodyUnreadable("The body is empty. Send one row as a JSON object, or an array.")
    return BodyUnreadable(f"The body is not JSON: {first['ctx']['error']}.")


def explain(contract: Contract, error: ValidationError) -> RowsRefused:
    """pydantic's errors in the words of the contract."""
    columns = {column.name: column for column in contract.columns}
    details = error.errors(include_url=False)[:SHOWN]
    problems = [_problem(columns, detail) for detail in details]
    return RowsRefused(problems, error.error_count())


def _problem(columns: dict[str, Column], detail: Any) -> Problem:
    kind, place = detail["type"], detail["loc"]
    row = next((part for part in place if isinstance(part, int)), None)
    name = next((part for part in place if isinstance(part, str)), None)
    value = None if kind == "missing" else _short(detail["input"])
    words = _PROBLEMS.get(kind, detail["msg"])
    if kind != "missing" and detail["input"] is None:
        words = "may not be empty"
    return Problem(name, row, value, words, _allowed(columns, name, kind, detail.get("ctx", {})))


def _allowed(columns: dict[str, Column], name: str | None, kind: str, facts: Any) -> str:
    if kind == "too_long":
        return f"at most {facts['max_length']} rows in one request"
    if name is None:
        return "a JSON object with a value for each column, or an array of such objects"
    if name in columns:
        return describe(columns[name])
    close = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}The columns are {', '.join(columns)}"


def describe(column: Column) -> str:
    """What a column takes, as a phrase: 'a number from 0 to 24 (h), or null'."""
    null = ", or null" if column.nullable else ""
    return _describe_value(column) + null


def _describe_value(column: Column) -> str:
    if column.kind == "boolean":
        return "true or false"
    if column.kind == "category" and column.closed:
        *others, last = column.levels
        return f"{', '.join(others)} or {last}" if others else last
    if column.kind == "category":
        return _describe_text(column)
    noun = "a whole number" if column.kind == "integer" else "a number"
    unit = f" ({column.unit})" if column.unit else ""
    return f"{noun}{describe_range(column)}{unit}"


def _describe_text(column: Column) -> str:
    if not column.pattern:
        return "text"
    words = f" ({column.description})" if column.description else ""
    return f"text of the form {column.pattern}{words}"


def describe_range(column: Column) -> str:
    """' from 0 to 24', ' of at least 0', ' of at most 24', or nothing."""
    low, high = column.minimum, column.maximum
    if low is not None and high is not None:
        return f" from {plain(low)} to {plain(high)}"
    if low is not None:
        return f" of at least {plain(low)}"
    return f" of at most {plain(high)}" if high is not None else ""


def plain(number: float) -> str:
    """A number without a needless '.0'."""
    return str(int(number)) if float(number).is_integer() else str(number)


def _short(value: Any) -> Any:
    """The value itself where it is short and JSON, otherwise the beginning of its text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, int | float) and abs(value) < LARGEST_SHOWN:
        return value
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _spoken(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def sentence(words: str) -> str:
    """The first letter in upper case, the others as they are."""
    return words[:1].upper() + words[1:]
