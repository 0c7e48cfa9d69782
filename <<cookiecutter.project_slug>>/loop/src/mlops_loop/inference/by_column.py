"""Rows that come column by column: checked and encoded without a dict for each row.

A column is checked as a list, by the type that `rows.py` gives its values. Where one is refused,
the rows go to `RowReader`, which says what is wrong; so this module has no rule and no words of its
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from mlops_loop.inference.rows import STRICT, Row, RowReader, value_type
from mlops_loop.model.contract import Column, Contract


@dataclass(frozen=True)
class Table:
    """Checked columns of equal length, and their rows encoded: float32 (n_rows, n_columns)."""

    columns: dict[str, list[Any]]
    matrix: np.ndarray

    def __len__(self) -> int:
        return len(self.matrix)

    def rows(self) -> list[Row]:
        """The same as dicts, without the columns that did not come."""
        return _rows(self.columns)


class ColumnReader:
    """Reads tables for the contract of a `RowReader`."""

    def __init__(self, reader: RowReader, max_rows: int) -> None:
        self._reader, self._contract, self._max_rows = reader, reader.contract, max_rows
        self._types = {column.name: _list_of(column) for column in reader.contract.columns}
        required = (column.name for column in reader.contract.columns if not column.nullable)
        self._required = frozenset(required)

    def read(self, columns: Mapping[str, list[Any]]) -> Table:
        """Lists of equal length by column -> checked rows; None is a missing value.

        A column that is absent counts as missing. Raises RowsRefused as `RowReader.check` does.
        """
        checked = self._checked(columns)
        if checked is None:  # a value is refused, or a column missing or unknown
            rows = self._reader.check(_rows(columns))
            checked = {name: [row[name] for row in rows] for name in columns}
        return Table(checked, _encoded(self._contract, checked))

    def _checked(self, columns: Mapping[str, list[Any]]) -> dict[str, list[Any]] | None:
        n_rows = len(next(iter(columns.values()), ()))
        fits = self._required <= columns.keys() <= self._types.keys()
        if not fits or not 1 <= n_rows <= self._max_rows:
            return None
        try:
            return {name: self._types[name].validate_python(columns[name]) for name in columns}
        except ValidationError:
            return None


def _list_of(column: Column) -> TypeAdapter[list[Any]]:
    values: Any = value_type(column)
    many: Any = Annotated[list[values], Field(fail_fast=True)]
    return TypeAdapter(many, config=STRICT)


def _rows(columns: Mapping[str, list[Any]]) -> list[Row]:
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _encoded(contract: Contract, columns: Mapping[str, list[Any]]) -> np.ndarray:
    n_rows = len(next(iter(columns.values())))
    nothing = [None] * n_rows
    return contract.encode_table({name: columns.get(name, nothing) for name in contract.names})
