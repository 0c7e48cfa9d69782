"""Stage 2, `validate`: rows that break `schema.RawRows` go into quarantine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from mlops_loop import columns, files, paths, project
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.file_format import DECIMAL_COMMA, plain_numbers, without_mark
from mlops_loop.params import Params
from mlops_loop.pipeline import schema_rules, table_columns, whole_check
from mlops_loop.pipeline.moment_columns import read_columns
from mlops_loop.pipeline.table_columns import Columns
from mlops_loop.stage_params import Extra

# How the type of a column begins, and how its values are read; 'other': by others.
KINDS = dict.fromkeys(("str", "string", "large_string", "object", "category"), "text")
KINDS |= {"float": "float", "double": "float", "int": "int", "uint": "int"}
KINDS |= {"bool": "bool", "boolean": "bool"}
KINDS |= dict.fromkeys(("datetime", "date", "timedelta", "none"), "other")

Schema = type[pa.DataFrameModel]


@dataclass(frozen=True)
class Validated:
    """Rows that passed, rows that did not, and why."""

    rows: pd.DataFrame
    quarantined: pd.DataFrame  # with the reasons in `_failures`
    failures: pd.DataFrame  # by column and check: `n_rows`, up to three `examples`
    became_missing: dict[str, int]  # by column: values that parsers of the schema took away
    filled: dict[str, int]  # by column: missing values that defaults or parsers filled
    columns: Columns
    warnings: tuple[str, ...]  # of checks with `raise_warning`


def validate(raw: pd.DataFrame, schema: Schema, extra: Extra = "ignore") -> Validated:
    """Divide raw rows into those that match the schema and those that do not.

    extra: what becomes of a table with columns that the schema does not name. Raises DataRefused
    where a column is missing, is not wanted, or breaks a rule as a whole, or where rows cannot be
    followed; UsageError for a schema with options that the loop refuses.
    """
    whole = schema_rules.schema_of(schema)
    raw, found = table_columns.compare(raw, whole, schema.__name__, extra)
    raw = whole_check.distinct_labels(raw)
    read, checked, cases = divide(raw, whole, schema)
    rows = checked.rows
    became_missing, filled = _changed(read, rows)
    reasons = (cases["column"] + ": " + cases["check"]).groupby(cases["index"])
    by_row = reasons.agg(lambda texts: "; ".join(sorted(set(texts)))).astype(str)
    quarantined = raw.loc[by_row.index].assign(_failures=by_row)
    return Validated(
        rows.reset_index(drop=True),
        quarantined.reset_index(drop=True),
        _summary(cases),
        became_missing,
        filled,
        found,
        checked.warnings,
    )


def divide(
    raw: pd.DataFrame, whole: pa.DataFrameSchema, schema: Schema
) -> tuple[pd.DataFrame, whole_check.Checked, pd.DataFrame]:
    """All rows in the types of the schema, those of them that match it, and why others do not.

    raw: with `whole_check.distinct_labels`. whole: what the schema is. A case has `index`,
    `column`, `check` and `failure_case`. Raises as `validate`.
    """
    read, unread = _read_types(raw, schema_rules.named_columns(whole, raw.columns))
    return read, *_without_failures(without_mark(read), unread, schema)


def _changed(read: pd.DataFrame, rows: pd.DataFrame) -> tuple[dict[str, int], dict[str, int]]:
    """By column how many values became missing, and how many missing ones got a value."""
    became_missing, filled = {}, {}
    for name in read.columns.intersection(rows.columns):
        before, after = read[name].isna()[rows.index], rows[name].isna()
        became_missing[str(name)] = int((after & ~before).sum())
        filled[str(name)] = int((before & ~after).sum())
    return _where_any(became_missing), _where_any(filled)


def _where_any(counts: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in counts.items() if n}


def _without_failures(
    rows: pd.DataFrame, cases: pd.DataFrame, schema: Schema
) -> tuple[whole_check.Checked, pd.DataFrame]:
    """Rows that match the schema, and all cases that do not.

    Without a row that failed another one can fail: duplicates, text among numbers.
    """
    while True:
        rows = rows[~rows.index.isin(cases["index"])] if len(cases) else rows
        try:
            found = whole_check.check(rows, schema)
        except SchemaErrors as error:
            cases = pd.concat([cases, _cases(error, schema)])
            continue
        case = {"column": schema.__name__, "check": "dropped by the schema", "failure_case": "row"}
        dropped = pd.DataFrame(case, found.dropped).reset_index(names="index")
        return found, pd.concat([cases, dropped])


def _summary(cases: pd.DataFrame) -> pd.DataFrame:
    """By column and check how many rows failed, and up to three of the values."""
    return cases.groupby(["column", "check"], as_index=False).agg(
        n_rows=("index", "nunique"),
        examples=("failure_case", lambda values: sorted({str(value) for value in values})[:3]),
    )


def _read_types(
    raw: pd.DataFrame, named: Mapping[str, pa.Column]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every column that the schema names as it says, and the values that cannot be read so.

    Coercion alone would refuse a column for one word in it, cut 2.5 down to 2 without a word,
    take a missing boolean for a yes or no, and write 1 as '1.0' beside a missing value.
    """
    moments, cases = read_columns(raw, named)
    rows = columns.replaced(raw, moments)
    cases.insert(0, pd.DataFrame(columns=["index", "column", "check", "failure_case"]))
    for name, column in named.items():
        dtype = str(column.dtype).lower().removesuffix("[pyarrow]")
        kind = KINDS.get(re.split(r"[\d\[]", dtype)[0])
        if kind is None:
            raise UsageError(
                f"Column {name!r} in schema.py is {column.dtype}, which no source has. Next: write "
                "Series[float], int, bool, str or pd.Timestamp"
            )
        if kind == "text":
            rows[name] = columns.texts(raw[name])
        elif kind in ("float", "int", "bool"):
            written = raw[name] if kind == "bool" else plain_numbers(raw[name], raw)
            rows[name] = _read(written, kind, dtype)
            may_lack = bool(column.nullable) or column.default is not None
            cases.append(_unread(raw[name], rows[name], kind, nullable=may_lack))
    return rows, pd.concat(cases)


def _read(values: pd.Series, kind: str, dtype: str) -> pd.Series:
    """Values as numbers or booleans, missing where they are none."""
    if kind == "bool":
        return columns.booleans(values)
    return columns.numbers(values) if kind == "float" else columns.integers(values, dtype)


def _unread(values: pd.Series, read: pd.Series, kind: str, *, nullable: bool) -> pd.DataFrame:
    missing = columns.is_missing(values[read.isna()])
    bad = missing.index[~(missing & nullable)]
    check = missing[bad].map({True: "not_nullable", False: f"is no {kind}"})
    case = {"index": bad, "column": values.name, "check": check}
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
        if case.check == "column_ordered":
            raise DataRefused(
                f"Column {case.failure_case!r} does not stand where {schema.__name__} has it "
                "(ordered = True). Next: correct the source, or remove ordered from schema.py"
            )
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
    result = validate(raw, project.raw_rows(), params.validate_.extra_columns)
    share = len(result.quarantined) / len(raw)
    files.write_table(result.rows, paths.VALIDATED)
    files.write_table(result.quarantined, paths.QUARANTINE)
    files.write_json(_report(result, len(raw), share, limit), paths.VALIDATION_REPORT)
    _print(result, len(raw))
    if share > limit:
        reason = f"{share:.2%} of the rows break the schema, allowed are {limit:.2%}"
        raise DataRefused(
            f"{reason} (validate.max_failed_share). "
            f"See {paths.VALIDATION_REPORT} and {paths.QUARANTINE}.{_advice(result.failures)}"
        )


def _report(result: Validated, n_rows: int, share: float, limit: float) -> dict[str, Any]:
    report: dict[str, Any] = {"n_rows": n_rows, "n_failed": len(result.quarantined)}
    report |= {"failed_share": share, "max_failed_share": limit}
    report["failures"] = result.failures.to_dict("records")
    report |= {"became_missing": result.became_missing, "filled": result.filled}
    return report | {"columns": asdict(result.columns), "warnings": result.warnings}


def _print(result: Validated, n_rows: int) -> None:
    print(f"validate: {len(result.rows):,} of {n_rows:,} rows keep the schema")
    if len(result.failures):
        print(result.failures.to_string(index=False))
    for name, n in result.became_missing.items():
        print(f"  {name}: {n:,} values became missing by a parser of RawRows")
    for name, n in result.filled.items():
        print(f"  {name}: {n:,} missing values were filled by a default or a parser of RawRows")
    for line in (*result.columns.lines(), *result.warnings):
        print(f"  {line}")
