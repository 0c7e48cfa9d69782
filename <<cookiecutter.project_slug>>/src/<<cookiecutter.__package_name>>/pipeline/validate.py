"""Stage 2, `validate`: test the raw rows against `schema.RawRows`, lazily.

All failures go into one table, the rows that failed into quarantine, the others on. Too many
failures, or a column that is missing, and the data are refused (exit code 3).
"""

from __future__ import annotations

from dataclasses import dataclass
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

    Raises DataRefused where a column is missing or cannot be read as its type at all.
    """
    raw = raw.reset_index(drop=True)
    try:
        rows = schema.validate(raw, lazy=True)
        return Validated(rows, raw.iloc[:0], _failure_table(raw, pd.DataFrame()))
    except SchemaErrors as error:
        cases = error.failure_cases
    _refuse_missing_columns(raw, schema, cases)
    cases = cases[cases["index"].notna()].astype({"index": int})
    bad = sorted(set(cases["index"]))
    why = cases.groupby("index").apply(_describe_row, include_groups=False)
    quarantined = raw.loc[bad].assign(_failures=why.reindex(bad).to_numpy())
    rows = raw.drop(index=bad).reset_index(drop=True)
    rows = schema.validate(rows, lazy=True) if len(rows) else rows
    return Validated(rows, quarantined.reset_index(drop=True), _failure_table(raw, cases))


def _refuse_missing_columns(
    raw: pd.DataFrame, schema: type[pa.DataFrameModel], cases: pd.DataFrame
) -> None:
    wanted = list(schema.to_schema().columns)
    if missing := [name for name in wanted if name not in raw]:
        raise DataRefused(
            f"The data miss the columns {missing}; they have {list(raw.columns)}. "
            "Mend the source, or RawRows in schema.py."
        )
    whole = cases[cases["index"].isna()]
    if len(whole):
        first = whole.iloc[0]
        raise DataRefused(
            f"Column {first['column']!r} breaks {first['check']} as a whole "
            f"({first['failure_case']}). Mend the source, or RawRows in schema.py."
        )


def _describe_row(cases: pd.DataFrame) -> str:
    return "; ".join(sorted(f"{c.column}: {c.check}" for c in cases.itertuples()))


def _failure_table(raw: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
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
