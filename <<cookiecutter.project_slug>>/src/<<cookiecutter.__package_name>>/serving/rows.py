"""Rows as clients send them, checked against the contract.

The bytes of a body go straight into pydantic-core: one pass over them gives plain dicts that
are typed, in range and of known categories, or the list of all that is wrong (`problems.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import SchemaError
from typing_extensions import TypedDict

from ..contract import Column, Contract
from .problems import explain, not_json

LARGEST = float(np.finfo(np.float32).max)

Row = dict[str, Any]


class RowReader:
    """Reads bodies and forms for one contract; made once for each bundle."""

    def __init__(self, contract: Contract, max_rows: int) -> None:
        self.contract = contract
        row = _row_type(contract)
        rows = Annotated[list[row], Field(min_length=1, max_length=max_rows)]
        self._row: TypeAdapter[Row] = TypeAdapter(row)
        self._rows: TypeAdapter[list[Row]] = TypeAdapter(rows)

    def read(self, body: bytes) -> Row | list[Row]:
        """A JSON object -> one row; a JSON array of objects -> many.

        Raises BodyUnreadable where the body is not JSON, RowsRefused with every problem where
        a row breaks the contract.
        """
        adapter = self._rows if body.lstrip()[:1] == b"[" else self._row
        try:
            return adapter.validate_json(body)
        except ValidationError as error:
            raise not_json(body, error) or explain(self.contract, error) from None

    def read_form(self, form: Mapping[str, str]) -> Row:
        """Texts of a web form -> one row; an empty text is a missing value.

        Raises RowsRefused.
        """
        row = {name: self._form_value(name, text) for name, text in form.items() if text.strip()}
        try:
            return self._row.validate_python(row)
        except ValidationError as error:
            raise explain(self.contract, error) from None

    def _form_value(self, name: str, text: str) -> Any:
        column = next((column for column in self.contract.columns if column.name == name), None)
        if column is None or column.kind == "category":
            return text.strip()
        if column.kind == "boolean":
            return {"true": True, "false": False}.get(text.strip(), text)
        try:
            return float(text)
        except ValueError:
            return text


def _row_type(contract: Contract) -> Any:
    """The TypedDict of one row; column names may be any text.

    Rust's regular expressions take linear time on any text, but have no look-around: a pattern
    that needs one falls back to Python's.
    """
    try:
        return _typed_dict(contract, "rust-regex")
    except SchemaError:
        return _typed_dict(contract, "python-re")


def _typed_dict(contract: Contract, regex_engine: Literal["rust-regex", "python-re"]) -> Any:
    row = TypedDict("Row", {column.name: _field(column) for column in contract.columns})
    row.__pydantic_config__ = ConfigDict(extra="forbid", regex_engine=regex_engine)
    TypeAdapter(row)
    return row


def _field(column: Column) -> Any:
    value = _value(column)
    return NotRequired[value | None] if column.nullable else value


def _value(column: Column) -> Any:
    if column.kind == "boolean":
        return Annotated[bool, Field(strict=True)]
    if column.kind == "category" and column.closed:
        return Literal[column.levels]
    if column.kind == "category":
        # pandera matches patterns at the start of the text, pydantic anywhere.
        pattern = f"^(?:{column.pattern})" if column.pattern else None
        return Annotated[str, Field(strict=True, pattern=pattern)]
    low, high = limits(column)
    step = 1 if column.kind == "integer" else None
    return Annotated[
        float, Field(strict=True, ge=low, le=high, multiple_of=step, allow_inf_nan=False)
    ]


def limits(column: Column) -> tuple[float, float]:
    """The range of a number; without one in the contract, what the model's float32 can hold."""
    low = -LARGEST if column.minimum is None else column.minimum
    high = LARGEST if column.maximum is None else column.maximum
    return low, high
