"""Stage 3, `prepare`: raw rows to model rows, cleaned and divided.

Rows are dropped for a missing target, for a key that came before, and for values of the model
input that `schema.ModelInput` calls impossible; each reason is counted in the report. Then they
are divided, outliers are treated, and a holdout that training knows already is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop import files, paths, project
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.params import Params, Target
from mlops_loop.pipeline import outliers, split
from mlops_loop.pipeline.validate import validate
from mlops_loop.text import listed

MODEL_INPUT = "ModelInput (see schema.py and features.model_rows)"
FLOAT32 = np.finfo(np.float32)  # what the model takes


@dataclass(frozen=True)
class Prepared:
    """Model rows with the reserved columns of `split.py`, and how they came about."""

    rows: pd.DataFrame  # `_target` holds labels (str) or, for regression, numbers
    parts: pd.Series  # 'train', 'validation' or 'holdout' for each row
    rule: dict[str, Any]
    dropped: dict[str, int]  # by reason
    outliers: list[dict[str, Any]]  # see outliers.treat
    overlap: float  # share of holdout rows that another part holds as well


def prepare(raw: pd.DataFrame, params: Params) -> Prepared:
    """Clean and divide validated raw rows.

    Raises DataRefused where nothing is left, and where more than `split.max_overlap` of the
    holdout equals rows that are not held out.
    """
    rows = project.model_rows(raw)
    _require_columns(rows, params)
    rows, dropped = _clean(rows.assign(**_reserved(rows, params)))
    if rows.empty:
        reasons = "; ".join(f"{reason}: {n:,}" for reason, n in dropped.items() if n)
        raise DataRefused(f"No row is left after cleaning ({reasons}).")
    inputs = list(project.model_input().to_schema().columns)
    carried = [*params.prepare.carry_columns, *params.evaluate.slices, *split.RESERVED]
    rows = rows[[name for name in dict.fromkeys([*inputs, *carried]) if name in rows]]
    rule = split.make_rule(rows, params.split, params.seed)
    parts = split.part_of(rows, rule)
    share, limit = split.overlap(rows, parts, [*inputs, split.TARGET]), params.split.max_overlap
    if share > limit:
        raise DataRefused(
            f"{share:.1%} of the holdout equals rows that training sees, target included; allowed "
            f"are {limit:.1%} (split.max_overlap). Name what identifies a row in prepare.key, "
            "split by group, or raise the limit where rows repeat by nature."
        )
    rows, found = outliers.treat(rows, parts, params.prepare, inputs)
    if dropped_out := len(parts) - len(rows):
        dropped["outlier in training"] = dropped_out
    return Prepared(rows, parts[rows.index], rule, dropped, found, share)


def _require_columns(rows: pd.DataFrame, params: Params) -> None:
    wanted = {
        "target.column": [params.target.column],
        "prepare.key": params.prepare.key,
        "prepare.carry_columns": params.prepare.carry_columns,
        "split.column": [params.split.column] if params.split.column else [],
        "evaluate.slices": params.evaluate.slices,
        MODEL_INPUT: project.model_input().to_schema().columns,
    }
    if taken := sorted({*split.RESERVED, outliers.OUTLIERS} & {*wanted[MODEL_INPUT]}):
        raise UsageError(f"{MODEL_INPUT}: {taken[0]!r} is a name of the project's own. Rename it.")
    found = [*rows.columns, *([outliers.OUTLIERS] if params.prepare.outliers else [])]
    for source, names in wanted.items():
        if missing := [name for name in names if name not in found]:
            raise UsageError(
                f"{source}: there is no column {missing[0]!r}. There are: {listed(found)}."
            )


def _clean(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows that can be used, the model input as its schema types it, and the dropped by reason."""
    dropped = {}

    def drop(reason: str, bad: pd.Series) -> pd.DataFrame:
        dropped[reason] = int(bad.sum())
        return rows[~bad].reset_index(drop=True)

    rows = drop("target is missing", rows[split.TARGET].isna())
    rows = drop("key came before", rows.duplicated(split.KEY))
    checked = validate(rows, project.model_input())
    if len(checked.failures):
        reason = f"impossible value of {listed(checked.failures['column'].unique())}"
        rows = drop(reason, rows[split.KEY].isin(checked.quarantined[split.KEY]))
    rows[checked.rows.columns] = checked.rows
    numbers = (
        rows[list(project.model_input().to_schema().columns)].select_dtypes("number").astype(float)
    )
    rows = drop("number beyond float32", (numbers.abs() > FLOAT32.max).any(axis=1))
    return rows, dropped


def _reserved(rows: pd.DataFrame, params: Params) -> dict[str, pd.Series]:
    key = list(params.prepare.key) or list(rows.columns)
    parts = [_texts(rows[name]) for name in key]
    keys = pd.Series(map("\x1f".join, zip(*parts, strict=True)), rows.index, dtype=str)
    target = make_target(rows[params.target.column], params.target, params.task)
    reserved = {split.KEY: keys, split.TARGET: target}
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
        return values.map(str, na_action="ignore").astype(object)
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    if (bad := ~(numbers.abs() <= FLOAT32.max) & values.notna()).any():
        shown = repr(str(values[bad].iloc[0]))
        raise DataRefused(f"Target {target.column!r} is no number that float32 holds: {shown}.")
    if target.above is None:
        return numbers
    labels = (numbers > target.above).map(dict(zip((False, True), target.classes, strict=True)))
    return labels.astype(object).where(numbers.notna(), None)


def _moments(values: pd.Series) -> pd.Series:
    """A time column as sortable values: ISO strings in UTC, or numbers as they are."""
    if pd.api.types.is_numeric_dtype(values):
        moments = values.astype(float)
    else:
        parsed = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        moments = parsed.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for value in values[moments.isna()]:
        shown = "a missing value" if pd.isna(value) else repr(str(value))
        raise DataRefused(
            f"split.column {values.name!r} holds no time (ISO 8601, number) but {shown}."
        )
    return moments


def run(params: Params) -> None:
    """Write one Parquet file per part, the split rule and the report."""
    done = prepare(files.read_table(paths.VALIDATED), params)
    counts = {part: int((done.parts == part).sum()) for part in split.PARTS}
    for part in split.PARTS:
        files.write_table(done.rows[done.parts == part], paths.PREPARED / f"{part}.parquet")
    files.write_json(done.rule, paths.SPLIT_RULE, digits=None)
    report = {"dropped": done.dropped, "rows": counts, "rule": done.rule}
    files.write_json(
        report | {"outliers": done.outliers, "overlap": done.overlap}, paths.PREPARATION_REPORT
    )
    print(f"prepare: {', '.join(f'{n:,} {part}' for part, n in counts.items())} rows")
    for reason, n in done.dropped.items():
        print(f"  dropped {n:,} rows: {reason}")
    for item in done.outliers:
        n, limits = sum(item.get(part, 0) for part in split.PARTS), "{low:.4g} to {high:.4g}"
        print(f"  {item['action']} {item['column']}: {n:,} rows beyond {limits.format(**item)}")
