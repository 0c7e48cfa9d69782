"""pandera's check of a table, held to one promise: no row is lost, and none is another one.

A schema can drop rows that it refuses (`drop_invalid_rows`), a parser of the user's can drop,
double or renumber rows, and an environment variable can switch pandera off.
"""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.text import listed

Schema = type[pa.DataFrameModel]


def require_countable(schema: Schema) -> None:
    """Raise UsageError for a schema that drops rows by itself."""
    whole = schema.to_schema()
    dropping = [name for name, column in whole.columns.items() if column.drop_invalid_rows]
    if whole.drop_invalid_rows or dropping:
        where = f" of {listed(dropping)}" if dropping else ""
        raise UsageError(
            f"schema.{schema.__name__}: drop_invalid_rows{where} drops rows that nothing counts. "
            "Next: remove it; rows that break the schema go into quarantine, and "
            "validate.max_failed_share says how many may"
        )


def distinct_labels(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with labels that `reset_index` would not give: what was renumbered is seen."""
    return rows.set_axis(range(len(rows), 2 * len(rows)))


def check(rows: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, pd.Index]:
    """The rows as the schema types them, in their order, and the labels of those it dropped.

    rows: with `distinct_labels`. Raises SchemaErrors for rows that break the schema, with labels
    of `rows`; DataRefused where the schema renumbers or doubles rows.
    """
    try:
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            found = schema.validate(rows, lazy=True)
    except SchemaErrors as error:
        if len(error.failure_cases):
            _require_known(pd.Index(error.failure_cases["index"].dropna()), rows, schema)
        raise
    _require_known(found.index, rows, schema)
    if found.index.has_duplicates:
        raise _unfollowable("doubles rows", schema)
    return found.loc[rows.index.intersection(found.index, sort=False)], rows.index.difference(
        found.index
    )


def _require_known(labels: pd.Index, rows: pd.DataFrame, schema: Schema) -> None:
    if not labels.isin(rows.index).all():
        raise _unfollowable("numbers rows anew", schema)


def _unfollowable(what: str, schema: Schema) -> DataRefused:
    return DataRefused(
        f"schema.{schema.__name__} {what} (a parser?), so nobody can tell which rows break it. "
        "Next: let parsers keep the index of the rows; add or remove rows in the source"
    )
