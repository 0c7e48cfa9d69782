"""Stage 2, `validate`: test the raw rows against `schema.RawRows`, lazily.

All failures go into one table, the rows that failed into quarantine, the others on. Too many
failures, or a column that is missing, and the data are refused (exit code 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from ..errors import DataRefused
from ..params import Params
from ..schema import RawRows
from . import files
from .ingest import OUT as INGESTED

OUT = Path("data/validated.parquet")
QUARANTINE = Path("data/quarantine.parquet")
REPORT = Path("reports/validation.json")
CASE = ["index", "column", "check", "failure_case"]


@dataclass(frozen=True)
class Validated:
    """`rows` that passed, `quarantined` rows with a column `_failures`, and what failed.

    `failures` has a row per column and rule, with `n_rows` and up to three `examples`.
    """

    rows: pd.DataFrame
    quarantined: pd.DataFrame
    failures: pd.DataFrame


def validate(raw: pd.DataFrame, schema: type[pa.DataFrameModel]) -> Validated:
    """Divide raw rows into those that keep the schema and those that do not.

    Raises DataRefused where a column is missing or breaks a rule as a whole.
    """
    raw = raw.reset_index(drop=True)
    _refuse_missing_columns(raw, schema)
    rows, failed = _read_types(raw, schema)
    failures = [failed]
    while True:  # a row out of the way can uncover another: duplicates, text among numbers
        rows = rows.drop(index=failures[-1]["index"].unique())
        kept, failed = _check(rows, schema)
        if failed.empty:
            break
        failures.append(failed)
    cases = pd.concat(failures)
    why = {index: _describe_row(group) for index, group in cases.groupby("index")}
    quarantined = raw.loc[sorted(why)].assign(_failures=[why[index] for index in sorted(why)])
    return Validated(
        kept.reset_index(drop=True), quarantined.reset_index(drop=True), _failure_table(cases)
    )


def _refuse_missing_columns(raw: pd.DataFrame, schema: type[pa.DataFrameModel]) -> None:
    wanted = list(schema.to_schema().columns)
    if missing := [name for name in wanted if name not in raw]:
        raise DataRefused(
            f"The data miss the columns {missing}; they have {list(raw.columns)}. "
            f"Mend the source, or {schema.__name__} in schema.py."
        )


def _read_types(
    raw: pd.DataFrame, schema: type[pa.DataFrameModel]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numbers and booleans out of text, and the cases that are none.

    Coercion alone would refuse a column for one word in it, cut 2.5 down to 2 without a word,
    and take a missing boolean for a yes or no.
    """
    rows, cases = raw.copy(), [pd.DataFrame(columns=CASE)]
    built = schema.to_schema()
    for name, column in built.columns.items():
        kind = str(column.dtype).lower().rstrip("0123456789")
        if not (built.coerce or column.coerce) or kind not in _READERS:
            continue
        if pd.api.types.is_datetime64_any_dtype(raw[name]):
            continue
        rows[name], bad = _READERS[kind](raw[name])
        bad |= raw[name].isna() & (not column.nullable)
        found = raw.loc[bad, name]
        check = found.notna().map({True: f"is no {kind}", False: "not_nullable"})
        case = {"index": found.index, "column": name, "check": check, "failure_case": found}
        cases.append(pd.DataFrame(case).astype(object))
    return rows, pd.concat(cases)


def _read_numbers(values: pd.Series, whole: bool = False) -> tuple[pd.Series, pd.Series]:
    numbers = values
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values, errors="coerce")
    plain = numbers.astype(float)
    bad = plain.isna() & values.notna()
    if whole:
        bad |= values.notna() & ~((plain.mod(1) == 0) & (plain.abs() < 2**63))
    return numbers, bad


def _read_booleans(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    words = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    read = values.map(lambda value: words.get(str(value).lower())).astype("boolean")
    return read, read.isna() & values.notna()


_READERS = {
    "float": _read_numbers,
    "int": partial(_read_numbers, whole=True),
    "uint": partial(_read_numbers, whole=True),
    "bool": _read_booleans,
    "boolean": _read_booleans,
}


def _check(
    rows: pd.DataFrame, schema: type[pa.DataFrameModel]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows as the schema types them and no cases, or the rows as they were and the cases."""
    try:
        return schema.validate(rows, lazy=True), pd.DataFrame(columns=CASE)
    except SchemaErrors as error:
        cases = error.failure_cases
    if (whole := cases["index"].isna()).any():
        first = cases[whole].iloc[0]
        raise DataRefused(
            f"Column {first['column']!r} breaks {first['check']} as a whole "
            f"({first['failure_case']}). Mend the source, or {schema.__name__} in schema.py."
        )
    return rows, cases.astype({"index": int})


def _describe_row(cases: pd.DataFrame) -> str:
    return "; ".join(sorted({f"{c.column}: {c.check}" for c in cases.itertuples()}))


def _failure_table(cases: pd.DataFrame) -> pd.DataFrame:
    if cases.empty:
        return pd.DataFrame(columns=["column", "check", "n_rows", "examples"])
    grouped = cases.groupby(["column", "check"], sort=True)
    table = grouped["index"].nunique().rename("n_rows").to_frame()
    table["examples"] = grouped["failure_case"].agg(lambda x: sorted({str(v) for v in x})[:3])
    return table.reset_index()


def run(params: Params) -> None:
    """Write the rows that passed, the quarantine and the report, then judge the share.

    Raises DataRefused above `validate.max_failed_share`; the quarantine and the report are
    written all the same, so that the reason can be looked at.
    """
    raw = files.read_table(INGESTED)
    result = validate(raw, RawRows)
    share = len(result.quarantined) / len(raw)
    limit = params.validate_.max_failed_share
    files.write_table(result.rows, OUT)
    files.write_table(result.quarantined, QUARANTINE)
    report = {
        "n_rows": len(raw),
        "n_failed": len(result.quarantined),
        "failed_share": share,
        "max_failed_share": limit,
        "failures": result.failures.to_dict("records"),
    }
    files.write_json(report, REPORT)
    print(f"validate: {len(result.rows):,} of {len(raw):,} rows keep the schema")
    if len(result.failures):
        print(result.failures.to_string(index=False))
    if share > limit:
        raise DataRefused(
            f"{share:.2%} of the rows break the schema, allowed are {limit:.2%} "
            f"(validate.max_failed_share). Look at {REPORT} and {QUARANTINE}."
        )
