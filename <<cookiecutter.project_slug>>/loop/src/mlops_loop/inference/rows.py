"""Rows as clients send them, checked against the contract.

The bytes of a body go straight into pydantic-core: one pass over them gives plain dicts that
are typed, in range and of known categories, or the list of all errors (`validation_errors.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from mlops_loop.inference.errors import BodyTooLarge, RequestRefused
from mlops_loop.inference.validation_errors import describe, refusal
from mlops_loop.model.contract import UNSEEN, Column, Contract
from mlops_loop.text import to_the_end
from mlops_loop.values import is_missing_word

# What the model's input can hold, where the contract gives no range.
LARGEST = float(np.finfo(np.float32).max)
MAX_ROW_BYTES = 256 * 1024
MAX_ERRORS = 1_000  # describing one costs microseconds; beyond, only the first bad row is described

# Python's regular expressions, because pandera checks the training rows with them.
STRICT = ConfigDict(extra="forbid", strict=True, regex_engine="python-re")

Row = dict[str, Any]
typed_dict: Any = TypedDict  # made from a contract, which no type checker can follow


class RowReader:
    """Reads bodies and forms for one contract; made once for each bundle."""

    def __init__(self, contract: Contract, max_rows: int) -> None:
        self.contract = contract
        self._columns = {column.name: column for column in contract.columns}
        row: Any = _row_type(contract)
        rows: Any = Annotated[list[row], Field(min_length=1, max_length=max_rows)]
        self.body_type = row | rows
        self._row: TypeAdapter[Row] = TypeAdapter(row)
        self._rows: TypeAdapter[list[Row]] = TypeAdapter(rows)
        self._first_bad: TypeAdapter[list[Row]] = TypeAdapter(
            Annotated[list[row], Field(fail_fast=True)]
        )

    def read(self, body: bytes) -> Row | list[Row]:
        """A JSON object -> one row; a JSON array of objects -> many.

        Raises BodyUnreadable where the body is not JSON, BodyTooLarge for an object of more than
        `MAX_ROW_BYTES`, RowsRefused where a row breaks the contract.
        """
        many = body.lstrip()[:1] == b"["
        if len(body) > MAX_ROW_BYTES and not many:
            raise BodyTooLarge(f"One row is larger than {MAX_ROW_BYTES} bytes.")
        try:
            return (self._rows if many else self._row).validate_json(body)
        except ValidationError as error:
            first_bad = partial(self._first_bad.validate_json, body) if many else None
            raise self._refusal(error, first_bad) from None

    def check(self, rows: list[Row]) -> list[Row]:
        """Check rows that were parsed elsewhere as `read` does; raises RowsRefused."""
        try:
            return self._rows.validate_python(rows)
        except ValidationError as error:
            first_bad = partial(self._first_bad.validate_python, rows)
            raise self._refusal(error, first_bad) from None

    def read_row(self, row: Mapping[str, Any]) -> Row:
        """Check one row of Python values as `read` does; raises RowsRefused."""
        try:
            return self._row.validate_python(row)
        except ValidationError as error:
            raise self._refusal(error) from None

    def _refusal(
        self, error: ValidationError, first_bad: Callable[[], Any] | None = None
    ) -> RequestRefused:
        """Describes all errors or, of more than `MAX_ERRORS`, those of the first bad row."""
        total = error.error_count()
        if total > MAX_ERRORS and first_bad:
            try:
                first_bad()
            except ValidationError as first:
                error = first
        return refusal(self.contract, error, total)

    def read_form(self, form: Mapping[str, str]) -> Row:
        """Texts of a web form or a CSV -> one row; an empty text is missing. Raises RowsRefused."""
        row = {name: self.typed(name, text) for name, text in form.items()}
        try:
            return self._row.validate_strings({name: text for name, text in row.items() if text})
        except ValidationError as error:
            raise self._refusal(error) from None

    def typed(self, name: str, text: str) -> str:
        """What somebody typed or a spreadsheet wrote: a known category, and a number, has no blanks
        around it; nor has a category the apostrophe that keeps it from being run as a formula.
        """
        column, short = self._columns.get(name), text.strip()
        if column is None or column.kind != "category":
            return "" if is_missing_word(short) else short
        written = (text, short, text.removeprefix("'"), short.removeprefix("'"))
        return next((known for known in written if column.encode(known) != UNSEEN), short)


def _row_type(contract: Contract) -> Any:
    """The TypedDict of one row; a column's name may be any text."""
    row = typed_dict("Row", {column.name: _field(column) for column in contract.columns})
    row.__pydantic_config__ = STRICT
    return row


def _field(column: Column) -> Any:
    metadata = Field(
        title=column.title or column.name,
        description=": ".join(filter(None, [column.description, describe(column)])),
        examples=None if column.example is None else [column.example],
    )
    values = value_type(column)
    typed: Any = Annotated[values, metadata]
    return NotRequired[typed] if column.nullable else typed


def value_type(column: Column) -> Any:
    """The type of a column's values, None included where they may be missing."""
    return _value(column) | None if column.nullable else _value(column)


def _value(column: Column) -> Any:
    if column.kind == "boolean":
        return bool
    if column.kind == "category" and column.closed:
        return Literal[column.levels]
    if column.kind == "category":
        least = 0 if column.nullable or "" in column.levels else 1  # an empty text is missing
        return Annotated[str, Field(min_length=least or None), *_pattern(column)]
    return Annotated[
        float,
        Field(
            ge=-LARGEST if column.minimum is None else column.minimum,
            le=LARGEST if column.maximum is None else column.maximum,
            multiple_of=1 if column.kind == "integer" else None,
            allow_inf_nan=False,
        ),
    ]


def _pattern(column: Column) -> list[Any]:
    """pandera matches patterns at the start of the text, JSON Schema anywhere.

    In JSON Schema `$` is the end of the text, in Python also the place before a last line break.
    """
    if not column.pattern:
        return []
    shown: dict[str, Any] = {"pattern": f"^(?:{column.pattern})"}
    whole = f"^(?:{to_the_end(column.pattern).pattern})"
    return [Field(pattern=whole, json_schema_extra=shown)]
