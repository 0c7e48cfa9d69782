"""Errors of pydantic, translated into the words of the contract."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import ValidationError

from mlops_loop.inference.errors import (
    IS_MISSING,
    BodyUnreadable,
    FieldError,
    RequestRefused,
    RowsRefused,
    as_json,
)
from mlops_loop.model.contract import Column, Contract

SHOWN = 20
MAX_VALUE_LENGTH = 80

_EMPTY = "may not be empty"
# pydantic's type of an error -> what it means here.
_WORDS = {
    "missing": IS_MISSING,
    "extra_forbidden": "is not a column of this model",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "multiple_of": "is not a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "literal_error": "is not one of the known values",
    "string_type": "is not text",
    "string_unicode": "is not text",
    "string_too_short": _EMPTY,
    "string_pattern_mismatch": "does not have the right form",
    "dict_type": "is not a row",
    "too_short": "holds no row",
    "too_long": "holds too many rows",
}
KNOWN_MESSAGES = {*_WORDS.values(), _EMPTY}


def refusal(contract: Contract, error: ValidationError, total: int) -> RequestRefused:
    """BodyUnreadable where the body is not JSON, else RowsRefused with the first `SHOWN` errors."""
    details = error.errors(include_url=False)[:SHOWN]
    if details[0]["type"] == "json_invalid":
        return BodyUnreadable(f"The body is not JSON: {details[0]['ctx']['error']}.")
    columns = {column.name: column for column in contract.columns}
    return RowsRefused([_field_error(columns, detail) for detail in details], total)


def _field_error(columns: dict[str, Column], detail: Any) -> FieldError:
    kind, value = detail["type"], detail["input"]
    row = next((part for part in detail["loc"] if isinstance(part, int)), None)
    name = next((part for part in detail["loc"] if isinstance(part, str)), None)
    if kind == "missing":
        value = None
    words = _WORDS.get(kind, detail["msg"])
    if value is None and kind != "missing":
        words = _EMPTY
    allowed = _allowed(columns, name)
    if kind == "too_long":
        allowed = f"at most {detail['ctx']['max_length']} rows in one request"
    return FieldError(name, row, _short(value), words, allowed)


def _allowed(columns: dict[str, Column], name: str | None) -> str:
    if name is None:
        return "a JSON object with a value for each column, or an array of such objects"
    if name in columns:
        return describe(columns[name])
    close = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}The columns are {', '.join(columns)}"


def describe(column: Column) -> str:
    """What a column takes, as a phrase: 'a number from 0 to 24 (h), or null'."""
    return describe_value(column) + (", or null" if column.nullable else "")


def describe_value(column: Column) -> str:
    """What a column takes where it has a value: 'a number from 0 to 24 (h)'."""
    if column.kind == "boolean":
        return "true or false"
    if column.kind != "category":
        noun = "a whole number" if column.kind == "integer" else "a number"
        return noun + _range(column) + (f" ({column.unit})" if column.unit else "")
    if column.closed:
        *others, last = column.levels
        return f"{', '.join(others)} or {last}" if others else last
    if not column.pattern:
        return "text"
    meaning = f" ({column.description})" if column.description else ""
    return f"text of the form {column.pattern}{meaning}"


def _range(column: Column) -> str:
    low, high = column.minimum, column.maximum
    if low is not None and high is not None:
        return f" from {plain(low)} to {plain(high)}"
    if low is not None:
        return f" of at least {plain(low)}"
    return "" if high is None else f" of at most {plain(high)}"


def plain(value: float | bool) -> str:
    """A number as in JSON, without a trailing '.0'."""
    return as_json(value).removesuffix(".0")


def _short(value: Any) -> Any:
    """The value itself where it is short, otherwise the beginning of its text."""
    text = value if isinstance(value, str) else as_json(value)
    return value if len(text) <= MAX_VALUE_LENGTH else text[:MAX_VALUE_LENGTH] + "…"
