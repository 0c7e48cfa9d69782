"""Raw rows as the source has them -> rows of the model input, by the user's schema and features.

Rows that `schema.RawRows` refuses get no prediction: training has never seen such rows. What is
not known of a new row may be left out of the table: the target, and what RawRows calls nullable.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from mlops_loop import columns, project
from mlops_loop.errors import DataRefused, ProjectError
from mlops_loop.inference.errors import IS_MISSING, FieldError, RowsRefused
from mlops_loop.inference.rows import RowReader
from mlops_loop.model.contract import Contract
from mlops_loop.pipeline import schema_rules, whole_check
from mlops_loop.pipeline.validate import KINDS, divide
from mlops_loop.text import listed

BREAKS = "breaks a rule of RawRows"
BY_ROW = "Next: let it give a row for each raw row, with the index that it came with"
PROBLEMS = {
    "not_nullable": IS_MISSING,
    "is no float": "is not a number",
    "is no int": "is not a whole number",
    "is no uint": "is not a whole number from 0 on",
    "is no bool": "is neither true nor false",
    "is no boolean": "is neither true nor false",
}
LONGEST = 200  # characters of a rule in a message


@dataclass(frozen=True)
class ModelRows:
    """Rows of the model input, with the positions that they had, and the errors of all others."""

    rows: pd.DataFrame
    refused: dict[int, list[FieldError]]


@dataclass(frozen=True)
class LeftOut(FieldError):
    """A row that `features.model_rows` does not give back."""

    def __str__(self) -> str:
        place = "" if self.row is None else f"In row {self.row}: "
        return f"{place}features.model_rows leaves the row out."


LEFT_OUT = LeftOut(None, None, None, "is left out by features.model_rows", "")


class _Rules:
    """`RawRows` without the rules that a new row need not keep; stands for a DataFrameModel."""

    def __init__(self, schema: pa.DataFrameSchema, name: str) -> None:
        self._schema, self.__name__ = schema, name

    def to_schema(self) -> pa.DataFrameSchema:
        return self._schema

    def validate(self, rows: pd.DataFrame, lazy: bool, inplace: bool) -> pd.DataFrame:
        return self._schema.validate(rows, lazy=lazy, inplace=inplace)


class RawReader:
    """Makes model input of raw rows for one contract; raises UsageError without a package."""

    def __init__(self, contract: Contract) -> None:
        self._contract, self._reader = contract, RowReader(contract, max_rows=1)
        self._model = project.raw_rows()
        self._schema = schema_rules.schema_of(self._model)

    @property
    def names(self) -> list[str]:
        """The columns that `RawRows` names, but for those that it names by `regex=True`."""
        return [name for name, column in self._schema.columns.items() if not column.regex]

    def named(self, names: Iterable[str]) -> set[str]:
        """Those of a table's columns that `RawRows` names."""
        return set(schema_rules.named_columns(self._schema, names))

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Of the columns that a new row may lack, those that are not among `names`."""
        known = set(names) | {self._contract.target}
        columns = self._schema.columns
        return [name for name in self.names if name not in known and _may_lack(columns[name])]

    def is_whole(self, names: Iterable[str]) -> bool:
        """Whether all columns are among `names` that a new row may not lack."""
        required = {name for name in self.names if self._schema.columns[name].required}
        return required - {*self.lacking(()), self._contract.target} <= set(names)

    def read(self, table: pd.DataFrame) -> ModelRows:
        """The rows that keep `RawRows`, by `features.model_rows`.

        Raises DataRefused where that fails, or loses track of rows.
        """
        raw = whole_check.distinct_labels(self._completed(table))
        rules: Any = self._rules(list(raw.columns))
        _, checked, cases = divide(raw, rules.to_schema(), rules)
        rows = checked.rows
        refused = self._errors(cases, len(raw))
        if rows.empty:
            return ModelRows(rows, refused)
        made = self._model_rows(rows)
        for label in rows.index.difference(made.index):
            refused.setdefault(label - len(raw), []).append(LEFT_OUT)
        return ModelRows(made.set_axis(made.index - len(raw)), refused)

    def _completed(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with a missing value for what a new row may lack; never with its target."""
        new = dict.fromkeys(self.lacking(table.columns))
        if self._contract.target in self._schema.columns:
            new[self._contract.target] = None
        made = {name: _no_values(self._schema.columns[name], table.index) for name in new}
        return columns.replaced(table, made)

    def _rules(self, names: list[str]) -> _Rules:
        """Rules of single columns, of those that are there."""
        unknown = [name for name in self.names if name not in names]
        target = [self._contract.target] if self._contract.target in self.names else []
        schema = self._schema.remove_columns(list({*unknown, *target}))
        free = {"unique": False, "required": False}
        schema = schema.update_columns(dict.fromkeys(schema.columns, free))
        schema.checks, schema.unique, schema.strict, schema.ordered = [], None, False, False
        return _Rules(schema, self._model.__name__)

    def _errors(self, cases: pd.DataFrame, n_rows: int) -> dict[int, list[FieldError]]:
        refused: dict[int, list[FieldError]] = {}
        for case in cases.itertuples(index=False):
            errors = self._explained(case.column, case.failure_case, str(case.check))
            refused.setdefault(int(case.index) - n_rows, []).extend(errors)
        return refused

    def _explained(self, name: str, value: Any, rule: str) -> list[FieldError]:
        """In the endpoint's words where it has the column, too, and refuses the value."""
        missing = rule == "not_nullable" or (pd.api.types.is_scalar(value) and pd.isna(value))
        value = None if missing else getattr(value, "item", lambda: value)()
        if name in self._contract.names and (known := self._by_contract(name, value)):
            return known
        words = PROBLEMS.get(rule, rule if rule.startswith(("is ", "has ")) else BREAKS)
        allowed = rule[:LONGEST] if words == BREAKS else "what RawRows in schema.py says"
        return [FieldError(name, None, value, words, allowed)]

    def _by_contract(self, name: str, value: Any) -> list[FieldError]:
        try:
            self._reader.read_row({} if value is None else {name: value})
        except RowsRefused as error:
            return [item for item in error.errors if item.column == name]
        return []

    def _model_rows(self, raw: pd.DataFrame) -> pd.DataFrame:
        made = _followed(raw, _called(raw, self.names))
        if lost := [
            c.name for c in self._contract.columns if not c.nullable and c.name not in made
        ]:
            if absent := [name for name in lost if name in self.names and name not in raw]:
                raise DataRefused(_without(absent, list(raw)))
            raise DataRefused(
                f"features.model_rows gives no {listed(lost)}, which this model takes: it was "
                "trained with another schema.py. Next: give the model input itself, or use the "
                "code of that version"
            )
        return _typed(made, self._contract)


def _without(absent: Sequence[str], names: Sequence[str]) -> str:
    hints = "".join(hint(name, names) for name in absent[:3])
    return (
        f"These rows have no {listed(absent)}, which RawRows in schema.py names and this model "
        f"takes.{hints} Next: give all columns of the source but the target "
        "(loop/docs/predict.md)"
    )


def hint(name: str, others: Sequence[str]) -> str:
    """A sentence with the other name that is much like this one; empty without."""
    close = difflib.get_close_matches(name, others, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _may_lack(column: pa.Column) -> bool:
    return bool(column.nullable) or column.default is not None


def _no_values(column: pa.Column, index: pd.Index) -> pd.Series:
    is_text = KINDS.get(re.split(r"[\d\[]", str(column.dtype).lower())[0]) == "text"
    return pd.Series(None if is_text else np.nan, index, dtype="str" if is_text else float)


def _called(raw: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    try:
        return project.model_rows(raw)
    except ProjectError:
        raise
    except Exception as error:  # whatever the user's code raises
        key = error.args[0] if isinstance(error, KeyError) and error.args else None
        if key in names and key not in raw:
            raise DataRefused(
                f"The rows have no column {key!r}, which features.model_rows uses; they have "
                f"{listed(raw.columns)}. Next: add it, or let model_rows do without it"
            ) from error
        raise DataRefused(f"features.model_rows fails: {project.failure(error)}.") from error


def _followed(raw: pd.DataFrame, made: pd.DataFrame) -> pd.DataFrame:
    """The rows with the labels of raw rows; refused where they cannot be told."""
    if made.index.is_unique and made.index.isin(raw.index).all():
        return made
    if len(made) == len(raw) and isinstance(made.index, pd.RangeIndex):
        return made.set_axis(raw.index)
    raise DataRefused(
        f"features.model_rows made {len(made):,} rows of {len(raw):,}, and their index does not "
        f"say of which. {BY_ROW}"
    )


def _typed(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Numbers and booleans as training reads them; what is none stays, to be refused."""
    return columns.replaced(rows, dict(_as_trained(rows, contract)))


def _as_trained(rows: pd.DataFrame, contract: Contract) -> Iterator[tuple[str, pd.Series]]:
    for column in contract.columns:
        if column.kind == "category" or column.name not in rows:
            continue
        values = rows[column.name]
        is_boolean = pd.api.types.is_bool_dtype(values.dtype)
        if column.kind == "boolean" and not is_boolean:
            found = columns.booleans(values)
        elif column.kind != "boolean" and is_boolean:
            found = values.astype("Float64")
        elif column.kind != "boolean" and not pd.api.types.is_numeric_dtype(values.dtype):
            found = columns.numbers(values)
        else:
            continue
        if not (found.isna() & values.notna()).any():
            yield column.name, found
