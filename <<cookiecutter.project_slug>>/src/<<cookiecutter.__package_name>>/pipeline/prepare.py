"""Stage 3, `prepare`: raw rows to model rows, cleaned and divided.

Rows are dropped for a missing target, for a key that came before, and for values of the model
input that `schema.ModelInput` calls impossible; each reason is counted in the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DataRefused, UsageError
from ..features import model_rows
from ..params import Params, Target
from ..schema import ModelInput
from . import files, split
from .validate import OUT as VALIDATED
from .validate import validate

FOLDER = Path("data/prepared")
RULE = FOLDER / "split.json"
REPORT = Path("reports/preparation.json")


@dataclass(frozen=True)
class Prepared:
    """Model rows with the reserved columns of `split.py`, the split rule, and what was dropped.

    `_target` holds labels (str) for classification and numbers for regression.
    """

    rows: pd.DataFrame
    rule: dict[str, Any]
    dropped: dict[str, int]


def prepare(raw: pd.DataFrame, params: Params) -> Prepared:
    """Clean and divide validated raw rows; raises DataRefused where nothing is left."""
    rows = model_rows(raw)
    _require(rows, params)
    rows = rows.assign(**_reserved(rows, params))
    dropped = {}
    rows, dropped["target is missing"] = _drop(rows, rows[split.TARGET].isna())
    rows, dropped["key came before"] = _drop(rows, rows.duplicated(split.KEY))
    checked = validate(rows, ModelInput)
    impossible = rows[split.KEY].isin(checked.quarantined[split.KEY])
    rows, dropped["impossible value"] = _drop(rows, impossible)
    infinite = np.isinf(checked.rows.select_dtypes("number").astype(float)).any(axis=1)
    typed, _ = _drop(checked.rows, infinite)
    rows, dropped["infinite number"] = _drop(rows, infinite)
    if rows.empty:
        raise DataRefused(f"No row is left after cleaning: {dropped}.")
    kept = [split_column for split_column in split.RESERVED if split_column in rows]
    extra = [name for name in _carried(params) if name not in typed]
    rows = typed.assign(**{name: rows[name] for name in [*extra, *kept]})
    rule = split.make_rule(rows, params.split, params.seed)
    return Prepared(rows, rule, dropped)


def _carried(params: Params) -> list[str]:
    return [*params.prepare.keep, *params.evaluate.slices]


def _require(rows: pd.DataFrame, params: Params) -> None:
    wanted = {
        "target.column": [params.target.column],
        "prepare.key": params.prepare.key,
        "prepare.keep": params.prepare.keep,
        "split.column": [params.split.column] if params.split.column else [],
        "evaluate.slices": params.evaluate.slices,
        "ModelInput (add it in features.model_rows)": ModelInput.to_schema().columns,
    }
    for source, names in wanted.items():
        if missing := [name for name in names if name not in rows]:
            raise UsageError(
                f"{source}: there is no column {missing[0]!r}. There are: {list(rows.columns)}."
            )


def _drop(rows: pd.DataFrame, bad: pd.Series) -> tuple[pd.DataFrame, int]:
    return rows[~bad].reset_index(drop=True), int(bad.sum())


def _reserved(rows: pd.DataFrame, params: Params) -> dict[str, pd.Series]:
    key = list(params.prepare.key) or list(rows.columns)
    parts = [_texts(rows[name]) for name in key]
    reserved = {
        split.KEY: pd.Series(map("\x1f".join, zip(*parts, strict=True)), rows.index, dtype=str),
        split.TARGET: make_target(rows[params.target.column], params.target, params.task),
    }
    if params.split.strategy == "time":
        reserved[split.TIME] = _moments(rows[params.split.column])
    if params.split.strategy == "group":
        reserved[split.GROUP] = _texts(rows[params.split.column])
    return reserved


def _texts(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "").map(str)


def make_target(values: pd.Series, target: Target, task: str) -> pd.Series:
    """Labels (str) or numbers out of the raw target column; missing stays missing.

    Raises DataRefused where a number is needed and a value is none.
    """
    if task == "classification" and target.above is None:
        return values.map(lambda value: str(value), na_action="ignore").astype(object)
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    if (bad := ~np.isfinite(numbers) & values.notna()).any():
        raise DataRefused(f"Target {target.column!r} is no number: {values[bad].iloc[0]!r}.")
    if target.above is None:
        return numbers
    negative, positive = target.classes
    labels = np.where(numbers > target.above, positive, negative)
    return pd.Series(labels, index=values.index, dtype=object).where(numbers.notna(), None)


def _moments(values: pd.Series) -> pd.Series:
    """A time column as sortable values: ISO strings in UTC, or numbers as they are."""
    if pd.api.types.is_numeric_dtype(values):
        moments = values.astype(float)
    else:
        parsed = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        moments = parsed.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if (bad := moments.isna()).any():
        raise DataRefused(
            f"split.column {values.name!r} holds no time (ISO 8601 or a number): "
            f"{str(values[bad].iloc[0]) if values[bad].notna().iloc[0] else 'a missing value'!r}."
        )
    return moments


def run(params: Params) -> None:
    """Write one Parquet file per part, the split rule and the report."""
    prepared = prepare(files.read_table(VALIDATED), params)
    parts = split.part_of(prepared.rows, prepared.rule)
    counts = {}
    for part in split.PARTS:
        rows = prepared.rows[parts == part].reset_index(drop=True)
        files.write_table(rows, FOLDER / f"{part}.parquet")
        counts[part] = len(rows)
    files.write_json(prepared.rule, RULE, digits=None)
    files.write_json({"dropped": prepared.dropped, "rows": counts} | prepared.rule, REPORT)
    print(f"prepare: {', '.join(f'{n:,} {part}' for part, n in counts.items())} rows")
    for reason, n in prepared.dropped.items():
        print(f"  dropped {n:,} rows: {reason}")
