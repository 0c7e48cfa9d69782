"""Columns of a table as texts, numbers or booleans: a value never depends on those beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop.values import EXACT, is_missing_word, label_of, text_of

_BOOLEANS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
MISSING = "(missing)"
_LARGEST = 400  # digits of an integer; nothing that a table stores has more


def texts(values: pd.Series) -> pd.Series:
    """Each value as `values.text_of` writes it; missing stays missing."""
    if isinstance(values.dtype, pd.StringDtype):
        empty = values == ""
        return (values.mask(empty) if empty.any() else values).astype("str")
    return _mapped(text_of, values, "str")


def shown(values: pd.Series) -> pd.Series:
    """The texts of values as names of groups and slices; `MISSING` where there is none."""
    return texts(values).fillna(MISSING)


def labels(values: pd.Series) -> pd.Series:
    """Each value as the class that it names (`values.label_of`), objects; None where missing."""
    return _mapped(label_of, values, object)


def _mapped(function: Any, values: pd.Series, dtype: Any) -> pd.Series:
    # Not `Series.map`, which turns a float32 into the float64 with other digits.
    native = getattr(values.dtype, "isnative", True)  # pandas factorizes no other
    if values.dtype.kind in "iuM" and native:  # equal values, equal texts: not so 0.0 and -0.0
        codes, different = pd.factorize(values)
        results = np.array([*map(function, different), function(None)], dtype=object)[codes]
    else:
        results = list(map(function, values.array))
    return pd.Series(results, values.index, dtype=dtype, name=values.name)


def is_missing(values: pd.Series) -> pd.Series:
    """True where there is no value, or a word for that; for columns of numbers and booleans."""
    if pd.api.types.is_numeric_dtype(values):
        return values.isna()
    if isinstance(values.dtype, pd.StringDtype):  # by its different texts
        codes, words = pd.factorize(values)
        missing = np.array([*map(is_missing_word, words), True])
        return pd.Series(missing[codes], values.index, name=values.name)
    return _mapped(is_missing_word, values, bool)


def numbers(values: pd.Series) -> pd.Series:
    """Values as numbers, true as 1 and false as 0; missing where they are none."""
    if pd.api.types.is_numeric_dtype(values):
        return values
    found = _to_numeric(values)
    words = values[found.isna() & values.notna()].map(
        lambda value: _BOOLEANS.get(_word(value), np.nan)
    )
    return found.astype(float).fillna(words.astype(float))


def _to_numeric(values: pd.Series) -> pd.Series:
    """Numbers of the texts and numbers in a column, missing elsewhere.

    In a column of dates pandas would count microseconds, and take a missing one for -2**63.
    """
    plain = pd.api.types.is_numeric_dtype(values) or isinstance(values.dtype, pd.StringDtype)
    return pd.to_numeric(values if plain else values.astype(object), errors="coerce")


def integers(values: pd.Series, dtype: str = "int64") -> pd.Series:
    """Values as exact integers that `dtype` can hold, in Int64 or UInt64; missing elsewhere.

    A float beyond 2**53 is none: it may have been another integer.
    """
    limits = np.iinfo(dtype)
    kind = "UInt64" if limits.min == 0 else "Int64"
    whole = _to_numeric(values)
    if pd.api.types.is_integer_dtype(whole):
        fits = whole.between(limits.min, limits.max).fillna(False).astype(bool)
        return whole.where(fits, 0).astype(kind).where(fits)  # exact: no float on the way
    found = (_integer(value) for value in values.array)
    held = [n if n is not None and limits.min <= n <= limits.max else None for n in found]
    return pd.Series(pd.array(held, dtype=kind), values.index, name=values.name)


def _integer(value: Any) -> int | None:
    if isinstance(value, float | np.floating) and abs(float(value)) > EXACT:
        return None  # rounded to another integer, perhaps
    text = _word(value)
    if text in ("true", "false"):
        return int(text == "true")
    if text.isascii() and text.removeprefix("-").isdigit():
        return int(text) if len(text) < _LARGEST else None
    try:
        number = Decimal(text if text.isascii() and "_" not in text else "nan")
    except InvalidOperation:
        return None
    small = number.is_finite() and number.adjusted() < _LARGEST
    return int(number) if small and number == number.to_integral_value() else None


def booleans(values: pd.Series) -> pd.Series:
    """Values as yes or no, missing where they are neither."""
    return values.map(lambda value: _BOOLEANS.get(_word(value))).astype("boolean")


def _word(value: Any) -> str:
    return (text_of(value) or "").strip().lower()


def typed(values: pd.Series) -> pd.Series:
    """A column of objects in the one type that keeps each text; text where there is no such type.

    Integers stay exact beside missing values (Int64), booleans too. Numbers of several types
    become float64 where each of them can be one. Dates and times stay what they are.
    """
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "integer":
        return _integers_or_texts(values)
    if kind == "boolean":
        return values.astype("boolean" if values.isna().any() else bool)
    if kind in ("floating", "mixed-integer-float", "decimal"):
        floats, written = values.where(values.notna(), np.nan).astype(float), texts(values)
        return floats if texts(floats).equals(written) else written
    return texts(values) if kind.startswith(("mixed", "bytes")) else values.infer_objects()


def _integers_or_texts(values: pd.Series) -> pd.Series:
    for kind in ("Int64", "UInt64"):
        try:
            whole = values.astype(kind)
        except OverflowError:
            continue
        return whole if values.isna().any() else whole.astype(kind.lower())
    return texts(values)


def one_type_per_column(table: pd.DataFrame) -> pd.DataFrame:
    """The table in types that Parquet has, each value with the text that it came with.

    A column of objects gets the type that all of its values have (`typed`). Without one it becomes
    text, as do lists, objects, bytes and integers of more than 64 bits. Missing stays.
    """
    found = {name: typed(table[name]) for name in table.columns[table.dtypes == "object"]}
    return replaced(table, found) if found else table


def replaced(table: pd.DataFrame, new: Mapping[str, pd.Series]) -> pd.DataFrame:
    """A table with other columns in place; unlike `assign`, also one with the name 'self'."""
    table = table.copy(deep=False)
    for name, values in new.items():
        table[name] = values
    return table


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables below each other, with all texts kept; missing where a table lacks a column."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    return pd.DataFrame({name: _joined([_or_missing(t, name) for t in tables]) for name in names})


def _or_missing(table: pd.DataFrame, name: str) -> pd.Series:
    return table[name] if name in table else pd.Series(None, table.index, dtype=object, name=name)


def _joined(parts: Sequence[pd.Series]) -> pd.Series:
    if len({part.dtype for part in parts}) == 1:
        return pd.concat(parts, ignore_index=True)
    return typed(pd.concat([part.astype(object) for part in parts], ignore_index=True))
