"""pandera's check of a table, held to one promise: no row is lost, and none is another one.

A parser of the user's can drop, double or renumber rows, a check can warn in place of refusing or
stop counting, and an environment variable can switch pandera off.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors, SchemaWarning

from mlops_loop import project
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.text import printable, to_the_end

Schema = type[pa.DataFrameModel]
# Whatever pandera's environment variables say.
EVERYTHING: Any = {"validation_enabled": True}
EVERYTHING |= {"validation_depth": ValidationDepth.SCHEMA_AND_DATA}
WHOLE_TEXT = "to the end of the text"  # describes the checks that are added here


@dataclass(frozen=True)
class Checked:
    """Rows as the schema types them, in their order; labels of those it dropped; its warnings."""

    rows: pd.DataFrame
    dropped: pd.Index
    warnings: tuple[str, ...]


def distinct_labels(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with labels that `reset_index` would not give: what was renumbered is seen."""
    return rows.set_axis(range(len(rows), 2 * len(rows)))


def check(rows: pd.DataFrame, schema: Schema) -> Checked:
    """What the schema makes of the rows, which have `distinct_labels`.

    Raises SchemaErrors for rows that break the schema, with labels of `rows`; DataRefused where the
    schema renumbers or doubles rows; UsageError where the user's code in it fails.
    """
    _settle(schema)
    try:
        with config_context(**EVERYTHING), _warnings() as warned:
            in_place = _leaves_values(schema.to_schema())
            found = schema.validate(rows.copy(deep=False), lazy=True, inplace=in_place)
    except SchemaErrors as error:
        if len(error.failure_cases):
            _require_known(pd.Index(error.failure_cases["index"].dropna()), rows, schema)
        raise
    except Exception as error:  # whatever a parser of the user's raises
        raise UsageError(f"schema.{schema.__name__} fails: {project.failure(error)}.") from error
    _require_known(found.index, rows, schema)
    if found.index.has_duplicates:
        raise _unfollowable("doubles rows", schema)
    if not found.index.equals(rows.index):  # else it would be a copy
        found = found.loc[rows.index.intersection(found.index, sort=False)]
    return Checked(found, rows.index.difference(found.index), tuple(warned))


def _leaves_values(whole: pa.DataFrameSchema) -> bool:
    """Whether no value is written to, so that pandera needs no copy of them: half a table.

    A parser may write by way of `.array`, which pandas does not notice. Columns that are filtered
    will be so in a copy only, as pandera 0.35 announces.
    """
    parsers = [*whole.parsers, *(p for column in whole.columns.values() for p in column.parsers)]
    return not parsers and whole.strict != "filter"


def _whole_text(check: pa.Check) -> pa.Check:
    """For a check `str_matches`, and under its name: a line break at the end is no end."""
    pattern = to_the_end((check.statistics or {})["pattern"])

    def matches(texts: pd.Series) -> pd.Series:
        ends = texts.str.endswith("\n", na=False).astype(bool)
        broken = [text for text in texts[ends].unique() if not pattern.match(text)]
        return ~(ends & texts.isin(broken))

    made = pa.Check(
        matches, name=check.name, error=check.error, raise_warning=check.raise_warning,
        description=WHOLE_TEXT,
    )  # fmt: skip
    made.statistics = check.statistics
    return made


def _settle(schema: Schema) -> None:
    """Values have their type by now, and `coerce` casts them; `n_failure_cases` would hide rows."""
    whole = schema.to_schema()
    whole.coerce = True
    for column in whole.columns.values():
        if all(check.description != WHOLE_TEXT for check in column.checks):
            given = [check for check in column.checks if check.name == "str_matches"]
            column.checks = [*column.checks, *map(_whole_text, given)]
    for check in (*whole.checks, *(c for column in whole.columns.values() for c in column.checks)):
        check.n_failure_cases = None


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """The texts of pandera's warnings, as of `raise_warning`; others are shown as ever."""
    warned: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SchemaWarning)
        yield warned
    for warning in caught:
        if issubclass(warning.category, SchemaWarning):
            warned.append(printable(str(warning.message))[:200])
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _require_known(labels: pd.Index, rows: pd.DataFrame, schema: Schema) -> None:
    if not labels.isin(rows.index).all():
        raise _unfollowable("numbers rows anew", schema)


def _unfollowable(what: str, schema: Schema) -> DataRefused:
    return DataRefused(
        f"schema.{schema.__name__} {what} (a parser?), so nobody can tell which rows break it. "
        "Next: let parsers keep the index of the rows; add or remove rows in the source"
    )
