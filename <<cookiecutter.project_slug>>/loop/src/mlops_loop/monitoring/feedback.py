"""Training data of production's rows whose outcome is known, and a report on them.

A row has the inputs of the model in production and the target: no id, no time, no subject and no
prediction. What is chosen, and what is left out, is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import Any

import pandas as pd

from mlops_loop import project
from mlops_loop.columns import one_type_per_column, shown
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.monitoring import selection
from mlops_loop.monitoring.selection import Difference
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.table import Chunk
from mlops_loop.params import Params
from mlops_loop.paths import SOURCE_STATE
from mlops_loop.pipeline import schema_rules
from mlops_loop.pipeline.validate import validate
from mlops_loop.source_params import Files
from mlops_loop.sources.table import read
from mlops_loop.text import listed

MOST = 1_000_000  # rows that are compared at once


@dataclass(frozen=True)
class Day:
    """The rows of a day, and how many of them have an outcome."""

    day: date
    rows: int
    labelled: int


@dataclass(frozen=True)
class Collected:
    """Rows with an outcome by their id, and how they differ from the others."""

    rows: pd.DataFrame  # inputs and target; the index is the id
    days: list[Day]
    repeated: int  # rows whose id came before
    differences: list[Difference]


@dataclass(frozen=True)
class Feedback:
    """What may become training data.

    obstacle: why it cannot be added to the source; empty where it can. refused: by column and rule
    how many rows break RawRows; known: rows that the source has; over_limit: rows beyond the limit.
    """

    rows: pd.DataFrame
    collected: Collected
    obstacle: str
    known: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    n_refused: int = 0
    over_limit: int = 0


def collect(chunks: Iterable[Chunk], contract: Contract, target: str) -> Collected:
    """The rows of production; raises UsageError for more than MOST, DataRefused without an outcome.

    target: the name of the column that takes the outcomes.
    """
    if target in contract.names:
        raise UsageError(f"{target!r} is the target and an input: its outcome has no column.")
    parts: list[pd.DataFrame] = []
    days: dict[date, list[int]] = {}
    for chunk in chunks:
        parts.append(_part(chunk.rows, contract, target))
        counts = days.setdefault(chunk.day, [0, 0])
        counts[0] += len(chunk.rows)
        counts[1] += int(chunk.rows["outcome"].notna().sum())
        if sum(n for n, _ in days.values()) > MOST:
            raise UsageError(f"These days have more than {MOST:,} rows. Next: name fewer days")
    listed_days = [Day(day, *counts) for day, counts in days.items()]
    if not any(day.labelled for day in listed_days):
        raise DataRefused("No row of these days has an outcome. Next: send outcomes to /feedback")
    rows = pd.concat(parts)
    unique = rows[~rows.index.duplicated(keep="last")]
    has = unique[target].notna()
    found = selection.differences(unique[has], unique[~has], contract.columns)
    return Collected(unique[has], listed_days, len(rows) - len(unique), found)


def _part(rows: pd.DataFrame, contract: Contract, target: str) -> pd.DataFrame:
    made = table.inputs(rows, contract.names).assign(**{target: rows["outcome"]})
    return made.set_index(rows["prediction_id"] + "/" + rows["row"].astype(str))


def choose(collected: Collected, params: Params, limit: int) -> Feedback:
    """The rows that may be added to the source, at most `limit`; or, with an obstacle, all such.

    Raises DataRefused where no row is left.
    """
    rows, why = collected.rows, obstacle(params, list(collected.rows))
    refused: dict[str, int] = {}
    known = n_refused = 0
    if not why:
        checked, refused, n_refused = _checked(rows, list(_source_columns(params)))
        rows, known = _not_known(checked, params)
    kept = _limited(rows, limit)
    if kept.empty:
        raise DataRefused(
            f"No row is left: {len(collected.rows):,} have an outcome, {n_refused:,} break RawRows "
            f"({listed(refused, 3)}), {known:,} are in the source."
        )
    over = len(rows) - len(kept)
    return Feedback(kept.reset_index(drop=True), collected, why, known, refused, n_refused, over)


def obstacle(params: Params, names: list[str]) -> str:
    """Why rows with these columns cannot be added to the source; empty where they can."""
    source, target = params.source, params.target
    if not isinstance(source, Files) or not _is_of_repository(source):
        return f"the source {source.name!r} is no file of this repository"
    if not PurePath(_name(source, "x")).match(source.path):
        return f"source.path = {source.path!r} matches no second file"
    if target.above is not None:
        return (
            f"an outcome is a class, and the source has the number {target.column!r} (target.above)"
        )
    if lacking := _lacking(names):
        return f"RawRows needs {listed(lacking)}, which the model does not take"
    known = _source_columns(params)
    if made := [name for name in names if name not in known]:
        return f"the model takes {listed(made)}, which the source does not have"
    return ""


def _is_of_repository(source: Files) -> bool:
    path = PurePath(source.path)
    local = "://" not in source.path and not path.is_absolute() and ".." not in path.parts
    return local and source.fingerprint != str(SOURCE_STATE)


def _name(source: Files, stem: str) -> str:
    return str(PurePath(source.path).parent / f"feedback-{stem}.{source.form_of(source.path)}")


def path_of(params: Params, stem: str) -> str:
    """Where a new file of the source belongs; `params.source` has to be of the repository."""
    assert isinstance(params.source, Files)
    return _name(params.source, stem)


def _source_columns(params: Params) -> list[str]:
    return list(read(params.source).columns)


def _lacking(names: list[str]) -> list[str]:
    """Columns that RawRows has to have, and that feedback has not."""
    schema = project.raw_rows().to_schema()
    empty = [n for n, c in schema.columns.items() if c.nullable or c.default is not None]
    return schema_rules.lacking(schema, [*names, *empty])


def _checked(rows: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, dict[str, int], int]:
    """Rows in the columns of the source, empty where unknown; refused by column and rule."""
    raw = rows.reindex(columns=columns).reset_index(drop=True)
    result = validate(one_type_per_column(raw), project.raw_rows())
    failures = result.failures.to_dict("records")
    reasons = {f"{item['column']}: {item['check']}": int(item["n_rows"]) for item in failures}
    return result.rows[columns], reasons, len(result.quarantined)


def _not_known(rows: pd.DataFrame, params: Params) -> tuple[pd.DataFrame, int]:
    """Rows that the source does not have, compared by the columns that feedback fills."""
    names = [name for name in rows if rows[name].notna().any()]
    source = validate(read(params.source), project.raw_rows()).rows
    known = set(_keys(source, names))
    is_known = pd.Series([key in known for key in _keys(rows, names)], rows.index, dtype=bool)
    return rows[~is_known], int(is_known.sum())


def _keys(rows: pd.DataFrame, names: list[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(shown(rows[name]) for name in names), strict=True))


def _limited(rows: pd.DataFrame, limit: int) -> pd.DataFrame:
    """At most `limit` rows, chosen by a hash of their content: neither the newest nor the first."""
    if len(rows) <= limit:
        return rows
    places = [hashlib.sha256(repr(key).encode()).digest() for key in _keys(rows, list(rows))]
    order = sorted(range(len(rows)), key=places.__getitem__)[:limit]
    return rows.iloc[sorted(order)]
