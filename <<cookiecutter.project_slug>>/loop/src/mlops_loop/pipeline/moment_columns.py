"""Columns of dates and times in a schema: read as the schema says, before pandera sees them.

pandera would let pandas guess how a text is meant. Here it is ISO 8601, or what the field states:
`metadata={"format": "%d.%m.%Y", "zone": "Europe/Berlin"}`, where `zone` is the clock that values
without a UTC offset show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pandera.pandas as pa

from mlops_loop import moments
from mlops_loop.errors import UsageError
from mlops_loop.moments import Notation

TYPE = re.compile(r"datetime64\[(?P<unit>\w+)(, (?P<zone>.+))?\]|date")
SAY_ZONE = 'Annotated[pd.DatetimeTZDtype, "us", "UTC"]'


def read_columns(
    raw: pd.DataFrame, named: Mapping[str, pa.Column]
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The columns of moments, typed as the schema says, and the cases of values that are none.

    A case has `index`, `column`, `check` and `failure_case`; its value is NaT in the column. Raises
    UsageError for a notation that does not exist, or that is stated where no moments are.
    """
    typed, cases = {}, []
    for name, column in named.items():
        if kind := TYPE.fullmatch(str(column.dtype)):
            typed[name], reasons = _read(raw[name], _notation(name, column), kind)
            cases.append(_cases(raw[name], reasons))
        elif str(column.dtype).startswith("period"):
            raise UsageError(
                f"Column {name!r} in schema.py is a period, which pandas reads by a guess. "
                "Next: declare it as Series[pd.Timestamp]"
            )
        else:
            _notation(name, column)
    return pd.DataFrame(typed, raw.index), cases


def _notation(name: str, column: pa.Column) -> Notation:
    """What the metadata of a column state; a notation that nothing would follow is refused."""
    stated = column.metadata or {}
    notation, kind = Notation(stated.get("format", ""), stated.get("zone", "")), str(column.dtype)
    try:
        moments.require(notation)
    except UsageError as error:
        raise UsageError(f"Column {name!r} in schema.py: {error}") from error
    for key, type_, fits in (
        ("format", "Series[pd.Timestamp]", TYPE.fullmatch(kind)),
        ("zone", f"Series[{SAY_ZONE}]", "," in kind),
    ):
        if stated.get(key) and not fits:
            raise UsageError(
                f"Column {name!r} in schema.py: its metadata state the {key} of moments, and its "
                f"type is {kind}. Next: declare it as {type_}"
            )
    return notation


def _read(values: pd.Series, notation: Notation, kind: re.Match[str]) -> tuple[Any, pd.Series]:
    """The values in the type of the schema, and for each that does not fit a reason."""
    found = moments.read(values, notation)
    fitting, other = found.clocks, found.points
    reason = f"has a UTC offset, and the type has none: see {SAY_ZONE}"
    if kind["zone"]:
        fitting, other = found.points, found.clocks
        reason = 'has no UTC offset: see metadata={"zone": ...}'
    reasons = pd.Series("", values.index, dtype=object)
    reasons[found.bad] = f"is no moment in {notation}"
    reasons[other.notna()] = reason
    wrong, words = _beyond(fitting, kind)
    reasons[wrong] = words
    return _cast(fitting.mask(wrong), kind), reasons


def _beyond(values: pd.Series, kind: re.Match[str]) -> tuple[pd.Series, str]:
    """Which moments the type cannot hold, and why."""
    if kind[0] == "date":
        return values.notna() & (values != values.dt.normalize()), "is more than a date"
    if kind["unit"] != "ns":
        return values.isna() & False, ""
    years = values.dt.year
    return (years < 1678) | (years > 2261), f"is beyond the years 1678 to 2261 of {kind[0]}"


def _cast(values: pd.Series, kind: re.Match[str]) -> pd.Series:
    return values.dt.date if kind[0] == "date" else values.astype(kind[0])


def _cases(values: pd.Series, reasons: pd.Series) -> pd.DataFrame:
    bad = reasons[reasons != ""]
    case = {"index": bad.index, "column": values.name, "check": bad.array}
    return pd.DataFrame(case | {"failure_case": values[bad.index].array}, dtype=object)
