"""The endpoint's checks of rows, for a table at once.

A row that is fine column by column is encoded with all others. Any other goes to the endpoint's own
reader (`inference/rows.py`), which says what is wrong with it; so this room knows no rule of its
own, and a doubt costs time but no other answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlops_loop import columns
from mlops_loop.file_format import plain_numbers
from mlops_loop.inference.errors import FieldError, RowsRefused
from mlops_loop.inference.rows import LARGEST, RowReader
from mlops_loop.model.contract import Column, Contract
from mlops_loop.values import MISSING_WORDS

# Numbers that Arrow and the endpoint read as the same float64; others are left to the latter.
NUMBER = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"
# Before a text that is no number as the file writes them, and would be one as the endpoint does.
NO_NUMBER = "\u200b"

Refused = dict[int, list[FieldError]]  # by position of the row


@dataclass(frozen=True)
class Checked:
    """Encoded rows, float32 (n_rows, n_columns), and the errors of those that are refused."""

    matrix: np.ndarray
    refused: Refused

    def accepted(self) -> np.ndarray:
        """True (n_rows,) for rows to predict."""
        keep = np.ones(len(self.matrix), dtype=bool)
        keep[list(self.refused)] = False
        return keep


@dataclass(frozen=True)
class _Coded:
    """A column, ready for the contract's encoder, and which of its values are surely fine."""

    values: Any
    fine: np.ndarray


class TableReader:
    """Reads tables for one contract; made once for each bundle."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.reader = RowReader(contract, max_rows=1)

    def read(self, table: pd.DataFrame, written: bool) -> Checked:
        """Check and encode all rows; `written`: its values are texts of a CSV, not typed ones.

        A column that the table does not have counts as missing.
        """
        if not written:
            table = columns.one_type_per_column(table)
        coded = {c.name: self._coded(c, table, written) for c in self.contract.columns}
        matrix = self.contract.encode_table({name: c.values for name, c in coded.items()})
        fine = np.all([c.fine for c in coded.values()], axis=0)
        refused = self._read_one_by_one(table, np.flatnonzero(~fine), written, matrix)
        return Checked(matrix, refused)

    def _coded(self, column: Column, table: pd.DataFrame, written: bool) -> _Coded:
        if column.name not in table:
            empty: Any = np.full(len(table), np.nan)
            values = empty if column.kind != "category" else np.full(len(table), None)
            return _Coded(values, np.full(len(table), column.nullable))
        values = table[column.name]
        if column.kind == "category":
            return self._category(column, values, written)
        if column.kind == "boolean":
            return self._boolean(column, values, written)
        return _number(column, *_numbers(values, table, written))

    def _category(self, column: Column, values: pd.Series, written: bool) -> _Coded:
        codes, levels = pd.factorize(columns.texts(values))
        read = [self.reader.typed(column.name, text) if written else text for text in levels]
        accepted = [bool(text) and self._accepts(column, text) for text in read]
        texts = np.array([text or None for text in read] + [None], dtype=object)
        return _Coded(texts[codes], np.array([*accepted, column.nullable], dtype=bool)[codes])

    def _boolean(self, column: Column, values: pd.Series, written: bool) -> _Coded:
        if written:
            codes, words = pd.factorize(values.str.strip().str.lower())
            known = {"true": 1.0, "false": 0.0}
            found = np.array([known.get(word, np.nan) for word in words] + [np.nan])[codes]
            missing = np.array([word in MISSING_WORDS for word in words] + [True])[codes]
        else:
            is_boolean = pd.api.types.is_bool_dtype(values.dtype)
            missing = values.isna().to_numpy()
            found = _floats(values) if is_boolean else np.full(len(values), np.nan)
        return _Coded(found, ~np.isnan(found) | (missing & column.nullable))

    def _accepts(self, column: Column, text: str) -> bool:
        try:
            self.reader.read_row({column.name: text})
        except RowsRefused as error:
            return all(item.column != column.name for item in error.errors)
        return True

    def _read_one_by_one(
        self, table: pd.DataFrame, positions: np.ndarray, written: bool, matrix: np.ndarray
    ) -> Refused:
        """Encodes into `matrix` rows that the endpoint accepts; returns the errors of others."""
        refused: Refused = {}
        rows = self._rows(table.iloc[positions], written)
        read: Callable[[dict[str, Any]], Any]
        read = self.reader.read_form if written else self.reader.read_row
        for position, row in zip(positions, rows, strict=True):
            try:
                matrix[position] = self.contract.encode_rows([read(row)])[0]
            except RowsRefused as error:
                refused[int(position)] = list(map(_shown, error.errors))
        return refused

    def _rows(self, table: pd.DataFrame, written: bool) -> list[dict[str, Any]]:
        """Rows as a client would send them: plain Python values, without what is missing."""
        known = [column for column in self.contract.columns if column.name in table]
        plain = {c.name: _plain(c, table[c.name], table, written) for c in known}
        rows = zip(*plain.values(), strict=True) if plain else [()] * len(table)
        return [
            {name: value for name, value in zip(plain, row, strict=True) if not _missing(value)}
            for row in rows
        ]


def _plain(column: Column, values: pd.Series, table: pd.DataFrame, written: bool) -> list[Any]:
    if column.kind == "category":
        values = columns.texts(values)
    elif written and table.attrs.get("decimal"):
        numbers = plain_numbers(values, table)
        other = (NO_NUMBER + values).where(~columns.is_missing(values), values)
        values = numbers.where(numbers.notna(), other)
    return values.astype(object).tolist()


def _shown(error: FieldError) -> FieldError:
    """Without the number of the row, and what `_plain` set before a value."""
    value = error.value.removeprefix(NO_NUMBER) if isinstance(error.value, str) else error.value
    return replace(error, row=None, value=value)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value or value == ""


def _numbers(
    values: pd.Series, table: pd.DataFrame, written: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Values as float64, NaN where they are no numbers; and True where they are missing."""
    if not written:
        kind = values.dtype
        is_number = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
        numbers = _floats(values) if is_number else np.full(len(values), np.nan)
        return numbers, values.isna().to_numpy()
    texts = pc.utf8_trim_whitespace(pa.array(values, pa.large_string(), from_pandas=True))
    numbers = texts
    if table.attrs.get("decimal"):
        plain = plain_numbers(values, table)
        numbers = pc.utf8_trim_whitespace(pa.array(plain, pa.large_string(), from_pandas=True))
    is_number = pc.fill_null(pc.match_substring_regex(numbers, NUMBER), False)
    found = pc.cast(pc.if_else(is_number, numbers, None), pa.float64())
    words = pc.is_in(pc.utf8_lower(texts), pa.array(sorted(MISSING_WORDS), pa.large_string()))
    missing = pc.or_(pc.is_null(texts), words)
    return found.to_numpy(zero_copy_only=False), missing.to_numpy(zero_copy_only=False)


def _floats(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype=float, na_value=np.nan)


def _number(column: Column, numbers: np.ndarray, missing: np.ndarray) -> _Coded:
    low = -LARGEST if column.minimum is None else column.minimum
    high = LARGEST if column.maximum is None else column.maximum
    with np.errstate(invalid="ignore"):
        fine = np.isfinite(numbers) & (numbers >= low) & (numbers <= high)
        if column.kind == "integer":
            fine &= numbers == np.floor(numbers)
    return _Coded(numbers, fine | (missing & column.nullable))
