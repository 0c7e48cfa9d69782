"""The columns of a table beside those of its schema: which are new, which are not there.

`sources/files.py` notes in `table.attrs` which files lack a column that others have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import pandas as pd
import pandera.pandas as pa

from mlops_loop.errors import DataRefused
from mlops_loop.file_format import LACKING
from mlops_loop.pipeline.schema_rules import lacking, named_columns
from mlops_loop.stage_params import Extra
from mlops_loop.text import listed


@dataclass(frozen=True)
class Columns:
    """Names of columns in which a table and its schema differ.

    extra: of the table alone. filtered: whether the schema leaves these out. absent: of the schema
    alone, which may be. ignored: by name the files that lack an extra column, which is left out.
    """

    extra: tuple[str, ...] = ()
    filtered: bool = False
    absent: tuple[str, ...] = ()
    ignored: Mapping[str, list[str]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What a person should know of them."""
        use = "left out (strict)" if self.filtered else "only for key, group, slice and target"
        lines = [f"RawRows does not name {listed(self.extra)}: {use}"] if self.extra else []
        lines += [
            f"new column {name!r}: ignored, since RawRows does not name it and {listed(files, 3)} "
            "lack it. To use it, add it to RawRows with Optional[Series[...]] and nullable=True"
            for name, files in self.ignored.items()
        ]
        if self.absent:
            lines.append(f"the source has no {listed(self.absent)}, which RawRows allows")
        return lines


def compare(
    table: pd.DataFrame, schema: pa.DataFrameSchema, name: str, extra: Extra
) -> tuple[pd.DataFrame, Columns]:
    """The table without columns that are ignored, and how it differs from the schema.

    Raises DataRefused for columns that the schema asks for and some rows or all do not have, and
    where it has others and `extra` or the schema's `strict` refuse them.
    """
    table = table.copy(deep=False)
    partial: dict[str, list[str]] = table.attrs.pop(LACKING, {})
    if missing := lacking(schema, table.columns):
        raise DataRefused(
            f"The data miss the columns {listed(missing)}; they have {listed(table.columns)}. "
            f"Correct the source, or {name} in schema.py."
        )
    named = named_columns(schema, table.columns)
    _require_whole(partial, schema, named, name)
    others = [column for column in table.columns if column not in named]
    if others and (extra == "refuse" or schema.strict is True):
        raise _unwanted(others, partial, name, extra)
    ignored = {column: partial[column] for column in others if column in partial}
    kept = tuple(column for column in others if column not in ignored)
    absent = tuple(
        str(key) for key, column in schema.columns.items()
        if not column.regex and key not in named
    )  # fmt: skip
    found = Columns(kept, schema.strict == "filter", absent, ignored)
    return table.drop(columns=list(ignored)), found


def _require_whole(
    partial: Mapping[str, list[str]],
    schema: pa.DataFrameSchema,
    named: Mapping[str, pa.Column],
    name: str,
) -> None:
    """Files may lack a column of the schema only where it says so, and says what is there then."""
    for key, files in partial.items():
        if not (column := named.get(key)):
            continue
        if column.required and not schema.add_missing_columns:
            write, reason = "Optional[Series[...]] with nullable=True", "requires it"
        elif not column.nullable and column.default is None:
            write, reason = "nullable=True", "does not let it be missing"
        else:
            continue
        renamed = get_close_matches(key, [new for new in partial if new not in named], 1)
        hint = f" Is {renamed[0]!r} another name of it?" if renamed else ""
        raise DataRefused(
            f"There is no column {key!r} in {listed(files, 3)}; other files have it, and {name} "
            f"{reason}.{hint} Next: correct these files, or write {write} for it in schema.py"
        )


def _unwanted(
    others: list[str], partial: Mapping[str, list[str]], name: str, extra: Extra
) -> DataRefused:
    rule = "validate.extra_columns: refuse" if extra == "refuse" else f"strict = True in {name}"
    lack = [f" {column!r} is not in {listed(partial[column], 3)}." for column in others
            if column in partial]  # fmt: skip
    return DataRefused(
        f"{name} does not name the columns {listed(others)} ({rule}).{''.join(lack[:1])} "
        f"Next: add them to {name} in schema.py, or remove them from the source"
    )
