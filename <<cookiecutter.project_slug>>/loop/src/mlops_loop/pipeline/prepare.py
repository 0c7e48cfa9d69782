"""Stage 3, `prepare`: raw rows to model rows, cleaned and divided.

Rows that cannot be used are dropped and counted (see cleaning.py). Then the rows are divided,
outliers are treated, and a holdout that repeats rows of training is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlops_loop import files, moments, paths, project, tasks
from mlops_loop.columns import texts
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.params import Params
from mlops_loop.pipeline import cleaning, outliers, overlap, schema_rules, split, unseen
from mlops_loop.pipeline.cleaning import Dropped, refuse_bulk_loss
from mlops_loop.tasks.target import TARGET
from mlops_loop.text import listed
from mlops_loop.values import EXACT, SEPARATOR

NUMBER = r"[+-]?\d+(\.\d+)?"  # in a time column: a year, seconds since some day
MODEL_INPUT = "ModelInput (see schema.py and features.model_rows)"


@dataclass(frozen=True)
class Prepared:
    """Model rows with the reserved columns of `split.py`, and what was done to get them."""

    rows: pd.DataFrame  # `_target` holds what the task's `make_target` gives
    parts: pd.Series  # 'train', 'validation' or 'holdout' for each row
    rule: dict[str, Any]
    dropped: list[Dropped]  # a record for each reason
    outliers: list[dict[str, Any]]  # see outliers.treat
    overlap: float  # share of holdout rows that another part holds as well
    overlap_by_chance: float | None  # what independent rows would give, where it was asked
    incomplete_keys: int  # rows that lack a part of their key
    unseen: list[unseen.Unseen]  # what training does not know


def prepare(raw: pd.DataFrame, params: Params) -> Prepared:
    """Clean and divide validated raw rows.

    Raises DataRefused where nothing is left, where more than `split.max_overlap` of the holdout,
    beyond chance, equals rows that are not held out, and where training lacks a part's targets.
    """
    rows, lost, incomplete = _model_rows(raw, params)
    del raw  # here as where it is read: a table less while rows are cleaned
    of = len(rows)
    rows, unnamed = cleaning.drop_unnamed(rows)
    rows, impossible = cleaning.drop_impossible(rows, _inputs(), of)
    dropped = [lost, *unnamed, *impossible]
    _require_some(rows, dropped, params)
    rule = split.make_rule(rows, params.split, params.seed)
    parts = split.part_of(rows, rule)
    tasks.find(params.task).check_parts(rows[TARGET], parts, params.target)
    share, by_chance = _checked_overlap(rows, parts, params.split.max_overlap)
    rows, treated = outliers.treat(rows, parts, params.prepare, _inputs())
    dropped.append(_outliers(parts, rows.index))
    refuse_bulk_loss(dropped, params.prepare.max_dropped_share)
    parts = parts[rows.index]
    new = unseen.find(rows, parts, _inputs(), params.prepare.min_category_count)
    return Prepared(rows, parts, rule, dropped, treated, share, by_chance, incomplete, new)


def _outliers(parts: pd.Series, kept: pd.Index) -> Dropped:
    of, lost = int((parts == "train").sum()), parts.index.difference(kept)
    return Dropped("outlier", "outlier in training", len(lost), of)


def _inputs() -> list[str]:
    """The names of the model's columns."""
    return list(project.model_input().to_schema().columns)


def _model_rows(raw: pd.DataFrame, params: Params) -> tuple[pd.DataFrame, Dropped, int]:
    """Rows with model input, reserved and carried columns, and those that got lost on the way.

    Last, how many rows lack a part of their key.
    """
    rows = project.model_rows(raw)
    lost = cleaning.left_out(raw, rows, params.prepare.key)
    refuse_bulk_loss([lost], params.prepare.max_dropped_share)
    _require_columns(rows, params)
    incomplete = int(_lacks([rows[name] for name in params.prepare.key]).sum())
    rows = rows.assign(**_reserved(rows, params))
    carried = [*params.prepare.carry_columns, *params.evaluate.slices, *split.RESERVED]
    kept = [name for name in dict.fromkeys([*_inputs(), *carried]) if name in rows]
    return rows[kept], lost, incomplete


def _require_some(rows: pd.DataFrame, dropped: list[Dropped], params: Params) -> None:
    refuse_bulk_loss(dropped, params.prepare.max_dropped_share)
    if rows.empty:
        reasons = "; ".join(f"{item.words}: {item.n:,}" for item in dropped if item.n)
        raise DataRefused(f"No row is left after cleaning ({reasons}).")


def _checked_overlap(
    rows: pd.DataFrame, parts: pd.Series, limit: float
) -> tuple[float, float | None]:
    """The share of the holdout that equals other rows, and that by chance where it is asked.

    Raises DataRefused where the share is more than `limit` above what may be chance.
    """
    columns = [*_inputs(), TARGET]
    share = split.overlap(rows, parts, columns)
    if share <= limit:
        return share, None
    chance = overlap.by_chance(rows, parts == "holdout", columns)
    if share > limit + chance.upper:
        raise DataRefused(
            f"{share:.1%} of the holdout equals rows that training sees, target included; by "
            f"chance it would be {chance.share:.1%}; allowed are {limit:.1%} more "
            "(split.max_overlap). Name what identifies a row in prepare.key, split by group, or "
            "raise the limit where rows repeat by nature."
        )
    return share, chance.share


def _require_columns(rows: pd.DataFrame, params: Params) -> None:
    if taken := sorted({*split.RESERVED, outliers.OUTLIERS} & {*_inputs()}):
        raise UsageError(f"{MODEL_INPUT}: {taken[0]!r} is a name of the project's own. Rename it.")
    known = [*rows.columns, *([outliers.OUTLIERS] if params.prepare.outliers else [])]
    for key, names in _columns_by_key(params).items():
        if missing := [name for name in names if name not in known]:
            raise UsageError(
                f"{key}: there is no column {missing[0]!r}. There are: {listed(known)}."
            )


def _columns_by_key(params: Params) -> dict[str, Sequence[str]]:
    """The columns that each key of params.yaml, or the schema, asks for."""
    target, column = params.target.column, params.split.column
    return {
        "target.column": [target] if target else [],
        "prepare.key": params.prepare.key,
        "prepare.carry_columns": params.prepare.carry_columns,
        "split.column": [column] if column else [],
        "evaluate.slices": params.evaluate.slices,
        MODEL_INPUT: _inputs(),
    }


def _reserved(rows: pd.DataFrame, params: Params) -> dict[str, pd.Series]:
    """The columns of `split.RESERVED` that this split needs, by name."""
    column = params.split.column
    target = tasks.find(params.task).make_target(rows, params.target)
    reserved = {split.KEY: _keys(rows, params.prepare.key), TARGET: target}
    if params.split.strategy == "time":
        reserved[split.TIME] = _moments(rows[column])
    if params.split.strategy == "group":
        _require_filled(rows[column], "they would all be one group")
        reserved[split.GROUP] = _texts(_exact(rows[column]))
    return reserved


def _require_filled(values: pd.Series, reason: str) -> None:
    if missing := int(texts(values).isna().sum()):
        raise DataRefused(
            f"split.column {values.name!r} is missing in {missing:,} of {len(values):,} rows, and "
            f"{reason}. Next: declare it in RawRows without nullable=True, so that such rows go "
            "into quarantine, or fill it in features.model_rows"
        )


def _keys(rows: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """What identifies a row, as text: the values of some columns, or of all without one.

    A row that lacks a part of its key is identified by all of its values: otherwise rows that lack
    it would be taken for one, and for one side of the split.
    """
    if not names:
        return _joined([rows[name] for name in rows])
    columns = [_exact(rows[name]) for name in names]
    found, lacks = _joined(columns), _lacks(columns).to_numpy()
    if lacks.any():  # texts of whole rows are large
        found[lacks] = _joined([rows.loc[lacks, name] for name in rows]).array
    return found


def _joined(columns: Sequence[pd.Series]) -> pd.Series:
    parts = [pa.array(_texts(values), pa.large_string()) for values in columns]
    between = pa.scalar(SEPARATOR, pa.large_string())
    joined = pc.binary_join_element_wise(*parts, between)
    return pd.Series(joined, columns[0].index, dtype="str")


def _lacks(columns: Sequence[pd.Series]) -> pd.Series:
    """Which rows lack a value in one of these columns; no rows without a column."""
    missing = [texts(values).isna() for values in columns]
    return pd.concat(missing, axis=1).any(axis=1) if missing else pd.Series(dtype=bool)


def _exact(values: pd.Series) -> pd.Series:
    """The values; raises DataRefused for floats beyond 2**53, which were other integers before."""
    if pd.api.types.is_float_dtype(values) and (rounded := values.abs() > EXACT).any():
        value = float(values[rounded].iloc[0])
        raise DataRefused(
            f"{values.name!r} identifies rows and holds {value!r}, a float beyond 2**53, where "
            "different integers look equal. Let the source give integers or text "
            "(loop/docs/sources.md), and write int or str in RawRows."
        )
    return values


def _texts(values: pd.Series) -> pd.Series:
    return texts(values).fillna("")


def _moments(values: pd.Series) -> pd.Series:
    """A time column as sortable values: ISO strings in UTC, or numbers as they are.

    A column of texts that are all numbers is one of numbers; a moment without a UTC offset counts
    as UTC. Raises DataRefused for a value that is neither, and for one that is missing.
    """
    _require_filled(values, "they are neither old nor new")
    if pd.api.types.is_numeric_dtype(values) or values.astype(str).str.fullmatch(NUMBER).all():
        return values.astype(float)
    points = moments.one_kind(values)
    in_utc = points.dt.tz_convert("UTC") if points.dt.tz else points.dt.tz_localize("UTC")
    codes, different = pd.factorize(in_utc)  # each text once: they are larger than moments
    written = np.array([_sortable(moment) for moment in different], dtype=object)
    return pd.Series(written[codes], values.index, dtype=object, name=values.name)


def _sortable(moment: pd.Timestamp) -> str:
    """As `2013-01-31T23:59:00.000000Z`; strftime writes the year 999 with three digits."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _require_named(raw: pd.DataFrame) -> pd.DataFrame:
    """The rows, where `features.model_rows` uses columns that RawRows names and so gives a type.

    In a CSV all others are text, so that `a + b` would be '12' and '3' in a row, and no sum. Raises
    UsageError where some rows cannot be made without such columns.
    """
    named = schema_rules.named_columns(project.raw_rows().to_schema(), raw.columns)
    unnamed, some = [name for name in raw if name not in named], raw.head(100)
    try:
        project.model_rows(some.drop(columns=unnamed))
    except Exception as error:  # whatever the user's code raises
        used = [name for name in unnamed if repr(name) in str(error)] or unnamed
        if used == unnamed:
            project.model_rows(some)  # an error that has nothing to do with it is shown as it is
        raise UsageError(
            f"features.model_rows uses {listed(used)}, which RawRows does not name, so that it has "
            "no type of its own. Next: add it to RawRows in schema.py"
        ) from error
    return raw


def run(params: Params) -> None:
    """Write one Parquet file per part, the split rule and the report."""
    prepared = prepare(_require_named(files.read_table(paths.VALIDATED)), params)
    counts = {part: int((prepared.parts == part).sum()) for part in split.PARTS}
    for part in split.PARTS:
        rows = prepared.rows[prepared.parts == part]
        files.write_table(rows, paths.PREPARED / f"{part}.parquet")
    files.write_json(prepared.rule, paths.SPLIT_RULE, digits=None)
    report: dict[str, Any] = {"dropped": {item.words: item.n for item in prepared.dropped}}
    report["dropped_examples"] = {item.words: item.examples for item in prepared.dropped if item.n}
    report |= {"rows": counts, "rule": prepared.rule}
    report |= {"outliers": prepared.outliers, "overlap": prepared.overlap}
    report["overlap_by_chance"] = prepared.overlap_by_chance
    report["incomplete_keys"] = prepared.incomplete_keys
    report["unseen"] = [item.to_dict() for item in prepared.unseen]
    files.write_json(report, paths.PREPARATION_REPORT)
    _print(prepared, counts)


def _usual(item: dict[str, Any]) -> str:
    """The fences of a column, with its unit."""
    column = project.model_input().to_schema().columns[item["column"]]
    unit = (column.metadata or {}).get("unit", "")
    return f"{item['low']:.4g} to {item['high']:.4g} {unit}".rstrip()


def _print(prepared: Prepared, counts: dict[str, int]) -> None:
    print(f"prepare: {', '.join(f'{n:,} {part}' for part, n in counts.items())} rows")
    for lost in filter(lambda lost: lost.n, prepared.dropped):
        examples = f", such as {listed(lost.examples)}" if lost.examples else ""
        print(f"  dropped {lost.n:,} rows: {lost.words}{examples}")
    if n := prepared.incomplete_keys:
        print(f"  {n:,} rows lack a part of prepare.key: all of their values identify them")
    if (chance := prepared.overlap_by_chance) is not None:
        print(f"  {prepared.overlap:.1%} of the holdout equals other rows; by chance {chance:.1%}")
    for item in prepared.outliers:
        n, usual = sum(item.get(part, 0) for part in split.PARTS), _usual(item)
        print(f"  {item['action']} {item['column']}: {n:,} rows are not in {usual}")
    for new in prepared.unseen:
        print(f"  {new.describe()}")
