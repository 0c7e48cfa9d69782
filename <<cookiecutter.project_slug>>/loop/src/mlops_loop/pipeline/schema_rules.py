"""What the models of schema.py may say: each option of pandera is honoured, or refused by name.

`RawRows` checks rows, so nearly all of pandera holds there. `ModelInput` is also a promise to
clients: what a form or the API cannot check would hold in training only, so it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pandera.pandas as pa

from mlops_loop import project
from mlops_loop.errors import UsageError
from mlops_loop.text import listed

Model = type[pa.DataFrameModel]
WHOLE = ""  # stands for the schema where a rule is not about columns


class Rule(NamedTuple):
    """An option that is refused, the columns that have it (WHOLE: the schema), what to write."""

    option: str
    found: Callable[[pa.DataFrameSchema], list[str]]
    advice: str


def _columns(has: Callable[[pa.Column], Any]) -> Callable[[pa.DataFrameSchema], list[str]]:
    return lambda schema: [str(name) for name, column in schema.columns.items() if has(column)]


def _whole(has: Callable[[pa.DataFrameSchema], Any]) -> Callable[[pa.DataFrameSchema], list[str]]:
    return lambda schema: [WHOLE] if has(schema) else []


def _drops(schema: pa.DataFrameSchema) -> list[str]:
    return [WHOLE] if schema.drop_invalid_rows else _columns(lambda c: c.drop_invalid_rows)(schema)


def _parsers(schema: pa.DataFrameSchema) -> list[str]:
    return [WHOLE] if schema.parsers else _columns(lambda column: column.parsers)(schema)


def _unique(schema: pa.DataFrameSchema) -> list[str]:
    return [WHOLE] if schema.unique else _columns(lambda column: column.unique)(schema)


def _fails_missing(column: pa.Column) -> bool:
    return bool(column.nullable) and any(not check.ignore_na for check in column.checks)


ANYWHERE = (
    Rule(
        "drop_invalid_rows",
        _drops,
        "it drops rows that nothing counts. Next: remove it; rows that break the schema go into "
        "quarantine, and validate.max_failed_share says how many may",
    ),
    Rule(
        "Index",
        _whole(lambda schema: schema.index is not None),
        "rows of a source have no index. Next: declare it as a column, Series[...]",
    ),
    Rule(
        "Config.dtype",
        _whole(lambda schema: schema.dtype is not None),
        "it would override the type of each column. Next: write the type at each column",
    ),
)
INPUTS = (
    Rule(
        "Optional",
        _columns(lambda column: not column.required),
        "the model has the same columns in every row. Next: write nullable=True, and let "
        "features.model_rows add the column; clients may leave it out",
    ),
    Rule(
        "regex",
        _columns(lambda column: column.regex),
        "clients have to know each column. Next: write one field for each",
    ),
    Rule(
        "add_missing_columns",
        _whole(lambda schema: schema.add_missing_columns),
        "Next: let features.model_rows add the columns; clients may leave out those with "
        "nullable=True",
    ),
    Rule(
        "default",
        _columns(lambda column: column.default is not None),
        "it would fill values in training only. Next: write nullable=True, and the estimator "
        "learns what a missing value means",
    ),
    Rule(
        "parser",
        _parsers,
        "it would change values in training only. Next: move it to RawRows or features.model_rows",
    ),
    Rule(
        "dataframe_check",
        _whole(lambda schema: schema.checks),
        "the endpoint cannot make a check of your own. Next: move it to RawRows, where rows that "
        "break it go into quarantine",
    ),
    Rule(
        "unique",
        _unique,
        "the endpoint sees one request at a time. Next: move it to RawRows, or name the columns "
        "in prepare.key",
    ),
    Rule(
        "strict = True",
        _whole(lambda schema: schema.strict is True),
        "rows of training have other columns beside, as key and target. Next: write "
        'strict = "filter"; the endpoint refuses other columns anyway',
    ),
    Rule(
        "ordered",
        _whole(lambda schema: schema.ordered),
        "columns are taken by name, in any order. Next: remove it",
    ),
    Rule(
        "raise_warning",
        _columns(lambda column: any(check.raise_warning for check in column.checks)),
        "the endpoint would refuse what training takes. Next: remove it, or the check",
    ),
    Rule(
        "ignore_na=False",
        _columns(_fails_missing),
        "missing values break the check. Next: remove nullable=True instead",
    ),
)


def schema_of(model: Model) -> pa.DataFrameSchema:
    """The schema of a model of schema.py that can be followed row by row.

    Raises UsageError for what is no `pandera.pandas.DataFrameModel`, for one that pandera
    refuses, and for the first option of `ANYWHERE`.
    """
    if not (isinstance(model, type) and issubclass(model, pa.DataFrameModel)):
        raise UsageError(
            f"schema.py: {getattr(model, '__name__', type(model).__name__)} is no model of "
            "pandera.pandas. Next: import pandera.pandas as pa, and write it as "
            "class RawRows(pa.DataFrameModel)"
        )
    try:
        schema = model.to_schema()
    except Exception as error:  # pandera has several, and runs the user's code
        raise UsageError(f"schema.{model.__name__}: {project.failure(error)}.") from error
    _refuse(schema, ANYWHERE, model.__name__)
    return schema


def require_inputs(schema: pa.DataFrameSchema) -> None:
    """Raise UsageError for the first option of `INPUTS` that a model input has."""
    _refuse(schema, INPUTS, "ModelInput")


def _refuse(schema: pa.DataFrameSchema, rules: Iterable[Rule], name: str) -> None:
    for option, found, advice in rules:
        if names := found(schema):
            where = "" if names == [WHOLE] else f" of {listed(names)}"
            raise UsageError(f"schema.{name}: {option}{where}: {advice}")


def named_columns(schema: pa.DataFrameSchema, names: Iterable[str]) -> dict[str, pa.Column]:
    """By name those of a table's columns that a schema names, by itself or by `regex=True`.

    Raises UsageError for a column that two fields give different types.
    """
    named: dict[str, pa.Column] = {}
    names = list(names)
    for key, column in schema.columns.items():
        for name in _matching(column, names) if column.regex else {key} & {*names}:
            other = named.setdefault(name, column)
            if other.dtype != column.dtype:
                raise UsageError(
                    f"schema.py: column {name!r} is {other.dtype} by {other.name!r} and "
                    f"{column.dtype} by {column.name!r}. Next: let the regex not match it"
                )
    return named


def _matching(column: pa.Column, names: list[str]) -> list[str]:
    """As pandera does: the expression matches the beginning of a name."""
    return [name for name in names if re.match(str(column.name), name)]


def lacking(schema: pa.DataFrameSchema, names: Iterable[str]) -> list[str]:
    """What a schema asks for, and a table with columns of these names neither has nor gets."""
    known = set(names)
    return [
        str(key)
        for key, column in schema.columns.items()
        if column.required and not _has(column, str(key), known) and not _added(schema, column)
    ]


def _has(column: pa.Column, key: str, names: set[str]) -> bool:
    return bool(_matching(column, list(names))) if column.regex else key in names


def _added(schema: pa.DataFrameSchema, column: pa.Column) -> bool:
    """Whether pandera adds the column where it is not there."""
    fills = bool(column.nullable) or column.default is not None
    return bool(schema.add_missing_columns) and fills and not column.regex
