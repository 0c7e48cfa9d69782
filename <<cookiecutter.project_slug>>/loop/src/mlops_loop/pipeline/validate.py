"""Stage 2, `validate`: rows that break `schema.RawRows` go into quarantine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from mlops_loop import columns, files, paths, project
from mlops_loop.errors import DataRefused
from mlops_loop.file_format import DECIMAL_COMMA, plain_numbers, without_mark
from mlops_loop.params import Params
from mlops_loop.pipeline import whole_check
from mlops_loop.pipeline.moment_columns import read_columns
from mlops_loop.text import listed

TEXTS = ("str", "string", "object", "category")

Schema = type[pa.DataFrameModel]


@dataclass(frozen=True)
class Validated:
    """Rows that passed, rows that did not, and why."""

    rows: pd.DataFrame
    quarantined: pd.DataFrame  # with the reasons in `_failures`
    failures: pd.DataFrame  # by column and check: `n_rows`, up to three `examples`
    became_missing: dict[str, int]  # by column: values that parsers of the schema took away


def validate(raw: pd.DataFrame, schema: Schema) -> Validated:
    """Divide raw rows into those that match the schema and those that do not.

    Raises DataRefused where a column is missing or breaks a rule as a whole, or where rows cannot
    be followed; UsageError for a schema that drops rows by itself.
    """
    whole_check.require_countable(schema)
    _require_columns(raw, schema)
    raw = whole_check.distinct_labels(raw)
    read, unread = _read_types(raw, schema)
    rows, cases = _without_failures(without_mark(read), unread, schema)
    reasons = (cases["column"] + ": " + cases["check"]).groupby(cases["index"])
    by_row = reasons.agg(lambda texts: "; ".join(sorted(set(texts)))).astype(str)
    quarantined = raw.loc[by_row.index].assign(_failures=by_row)
    return Validated(
        rows.reset_index(drop=True),
        quarantined.reset_index(drop=True),
        _summary(cases),
        _became_missing(read, rows),
    )


def _became_missing(read: pd.DataFrame, rows: pd.DataFrame) -> dict[str, int]:
    common = read.columns.intersection(rows.columns)
    lost = read.loc[rows.index, common].notna() & rows[common].isna()
    return {str(name): int(n) for name, n in lost.sum().items() if n}


def _require_columns(raw: pd.DataFrame, schema: Schema) -> None:
    if missing := [name for name in schema.to_schema().columns if name not in raw]:
        raise DataRefused(
            f"The data miss the columns {listed(missing)}; they have {listed(raw.columns)}. "
            f"Correct the source, or {schema.__name__} in schema.py."
        )


def _without_failures(
    rows: pd.DataFrame, cases: pd.DataFrame, schema: Schema
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows that match the schema, and all cases that do not.

    Without a row that failed another one can fail: duplicates, text among numbers.
    """
    while True:
        rows = rows[~rows.index.isin(cases["index"])]
        try:
            found, lost = whole_check.check(rows, schema)
        except SchemaErrors as error:
            cases = pd.concat([cases, _cases(error, schema)])
            continue
        case = {"column": schema.__name__, "check": "dropped by the schema", "failure_case": "row"}
        return found, pd.concat([cases, pd.DataFrame(case, lost).reset_index(names="index")])


def _summary(cases: pd.DataFrame) -> pd.DataFrame:
    """By column and check how many rows failed, and up to three of the values."""
    return cases.groupby(["column", "check"], as_index=False).agg(
        n_rows=("index", "nunique"),
        examples=("failure_case", lambda values: sorted({str(value) for value in values})[:3]),
    )


def _read_types(raw: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every column that the schema names as it says, and the values that cannot be read so.

    Coercion alone would refuse a column for one word in it, cut 2.5 down to 2 without a word,
    take a missing boolean for a yes or no, and write 1 as '1.0' beside a missing value.
    """
    moments, cases = read_columns(raw, schema.to_schema())
    rows = columns.replaced(raw, moments)
    cases.insert(0, pd.DataFrame(columns=["index", "column", "check", "failure_case"]))
    for name, column in schema.to_schema().columns.items():
        kind = re.split(r"[\d\[]", str(column.dtype).lower())[0]
        if kind in TEXTS:
            rows[name] = columns.texts(raw[name])
        elif kind in ("float", "int", "uint", "bool", "boolean"):
            written = raw[name] if kind.startswith("bool") else plain_numbers(raw[name], raw)
            rows[name] = _read(written, kind, str(column.dtype).lower())
            cases.append(_unread(raw[name], rows[name], kind, nullable=column.nullable))
    return rows, pd.concat(cases)


def _read(values: pd.Series, kind: str, dtype: str) -> pd.Series:
    """Values as numbers or booleans, missing where they are none."""
    if kind.startswith("bool"):
        return columns.booleans(values)
    return columns.numbers(values) if kind == "float" else columns.integers(values, dtype)


def _unread(values: pd.Series, read: pd.Series, kind: str, *, nullable: bool) -> pd.DataFrame:
    missing = columns.is_missing(values)
    bad = read.isna() & ~(missing & nullable)
    check = missing[bad].map({True: "not_nullable", False: f"is no {kind}"})
    case = {"index": values.index[bad], "column": values.name, "check": check}
    return pd.DataFrame(case | {"failure_case": values[bad]}, dtype=object)


def _cases(error: SchemaErrors, schema: Schema) -> pd.DataFrame:
    """Row, column and rule of each failure; raises DataRefused for a rule without a row."""
    cases = error.failure_cases
    if cases.empty:  # missing values that repeat in a unique column: pandera 0.35 names no row
        first = error.schema_errors[0]
        name = getattr(first.schema, "name", None) or schema.__name__
        raise DataRefused(
            f"{name!r} breaks {first.check} in several rows, and none can be named: more than one "
            f"value is missing where values must be unique. Correct the source, or "
            f"{schema.__name__} in schema.py."
        )
    for case in cases[cases["index"].isna()].itertuples():
        raise DataRefused(
            f"Column {case.column!r} breaks {case.check} as a whole ({case.failure_case}). "
            f"Correct the source, or {schema.__name__} in schema.py."
        )
    return cases.astype({"index": int})


def _advice(failures: pd.DataFrame) -> str:
    """What to set where numbers were refused for how they are written; empty elsewhere."""
    unread = failures[failures["check"].str.startswith("is no ")]
    texts = [text for examples in unread["examples"] for text in examples]
    if not (found := [text for text in texts if DECIMAL_COMMA.fullmatch(text)]):
        return ""
    key = '`decimal: ","` in source of params.yaml'
    return f" {found[0]!r} is a number with a decimal comma. Next: set {key}"


def run(params: Params) -> None:
    """Write the rows that passed, the quarantine and the report, so that they can be looked at.

    Then raises DataRefused where more than `validate.max_failed_share` of the rows failed.
    """
    raw, limit = files.read_table(paths.INGESTED), params.validate_.max_failed_share
    result = validate(raw, project.raw_rows())
    share = len(result.quarantined) / len(raw)
    files.write_table(result.rows, paths.VALIDATED)
    files.write_table(result.quarantined, paths.QUARANTINE)
    report: dict[str, Any] = {
        "n_rows": len(raw),
        "n_failed": len(result.quarantined),
        "failed_share": share,
    }
    report |= {"max_failed_share": limit, "failures": result.failures.to_dict("records")}
    report["became_missing"] = result.became_missing
    files.write_json(report, paths.VALIDATION_REPORT)
    print(f"validate: {len(result.rows):,} of {len(raw):,} rows keep the schema")
    if len(result.failures):
        print(result.failures.to_string(index=False))
    for name, n in result.became_missing.items():
        print(f"  {name}: {n:,} values became missing by a parser of RawRows")
    if share > limit:
        reason = f"{share:.2%} of the rows break the schema, allowed are {limit:.2%}"
        raise DataRefused(
            f"{reason} (validate.max_failed_share). "
            f"See {paths.VALIDATION_REPORT} and {paths.QUARANTINE}.{_advice(result.failures)}"
        )
