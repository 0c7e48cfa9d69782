"""Moments out of what a source gives: the one reader of dates and times in the project.

A text is read as ISO 8601 writes it: `2013-01-31`, `2013-01`, `2013-W05-4`, `20130131T2359Z`,
`2013-01-31 23:59:00.5+01:00`. Forms may be mixed. Any other way of writing has to be stated, as a
format of `datetime.strptime`: nothing is guessed, because 02/01/2013 is two days. Fractions of a
second end at the microsecond. A moment without a UTC offset is what a clock shows, and no point in
time until someone says where the clock hangs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.text import listed

if TYPE_CHECKING:
    import pandas as pd

ISO = re.compile(r"[\dW-]+([T ][\d:.,]+( ?[+-][\d:]+|Z)?)?", re.ASCII)
MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)
HOW = (
    "Next: declare the column in RawRows as Series[pd.Timestamp] with "
    'metadata={"format": "%d.%m.%Y"}'
)
SAY_CLOCK = (
    "Next: say in RawRows which clock these show: Series[Annotated[pd.DatetimeTZDtype, "
    '"us", "UTC"]] with metadata={"zone": "Europe/Berlin"}'
)


class Notation(NamedTuple):
    """How a column writes moments: `format` of strptime (empty: ISO 8601); `zone` of its clock."""

    format: str = ""
    zone: str = ""

    def __str__(self) -> str:
        clock = f" on the clock of {self.zone}" if self.zone else ""
        return f"{self.format or 'ISO 8601'}{clock}"


ISO_8601 = Notation()


@dataclass(frozen=True)
class Moments:
    """A column, read; each part has the index of the column.

    points: datetimes with a zone (UTC, or that of the column), NaT for all other values. clocks:
    datetimes without one, NaT for all other values. bad: True for a value that is no moment.
    """

    points: pd.Series
    clocks: pd.Series
    bad: pd.Series


def parse(value: Any, format: str = "") -> datetime:
    """One moment: a text in `format` (empty: ISO 8601), a date or a datetime.

    Raises ValueError for anything else, also for a number without a format.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if format:
        return datetime.strptime(_digits(value), format)
    if not isinstance(value, str) or not ISO.fullmatch(value):
        raise ValueError(f"{value!r} is no moment in ISO 8601")
    return datetime.fromisoformat(f"{value}-01" if MONTH.fullmatch(value) else value)


def _digits(value: Any) -> str:
    """A value as a source wrote it: a missing value beside it makes 20130131 a float."""
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if is_whole else value)


def read(values: pd.Series, notation: Notation = ISO_8601) -> Moments:
    """A column as moments; what is missing stays missing, and is not bad.

    A time that the clock of `notation.zone` skips, or shows twice, is bad. Raises UsageError for a
    zone or a format that does not exist.
    """
    require(notation)
    is_typed = str(values.dtype).startswith("datetime64")
    found = _typed(values) if is_typed else _parsed(values, notation.format)
    return _placed(found, notation.zone) if notation.zone else found


def _typed(values: pd.Series) -> Moments:
    """A column of datetimes, whose zone is that of its type."""
    import pandas as pd

    none, fine = pd.Series(pd.NaT, values.index), pd.Series(False, values.index)
    if values.dt.tz is None:
        return Moments(none.dt.tz_localize(UTC), values, fine)
    return Moments(values, none, fine)


def _parsed(values: pd.Series, format: str) -> Moments:
    """A column of texts by its different values: often many rows share a moment."""
    import pandas as pd

    if not isinstance(values.dtype, pd.StringDtype):
        return _parsed_one_by_one(values, format)
    codes, texts = pd.factorize(values)
    found = _parsed_one_by_one(pd.Series(texts), format)
    points, clocks = (
        pd.Series(part.array.take(codes, allow_fill=True), values.index)
        for part in (found.points, found.clocks)
    )
    bad = [*found.bad, False]  # the last for a missing value, whose code is -1
    return Moments(points, clocks, pd.Series([bad[code] for code in codes], values.index, bool))


def _parsed_one_by_one(values: pd.Series, format: str) -> Moments:
    import pandas as pd

    found = [_parse_or_none(value, format) for value in values.tolist()]
    points = [moment if moment and moment.tzinfo else None for moment in found]
    clocks = [None if moment and moment.tzinfo else moment for moment in found]
    return Moments(
        pd.Series(points, values.index, dtype="datetime64[us, UTC]"),
        pd.Series(clocks, values.index, dtype="datetime64[us]"),
        values.notna() & pd.Series(found, values.index, dtype=object).isna(),
    )


def _parse_or_none(value: Any, format: str) -> datetime | None:
    try:
        found = parse(value, format)
        return found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def _placed(found: Moments, zone: str) -> Moments:
    """The clocks of `zone` as points in time."""
    import pandas as pd

    placed = found.clocks.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    points = found.points.dt.tz_convert(zone)
    lost = found.clocks.notna() & placed.isna()
    none = pd.Series(pd.NaT, found.clocks.index)
    return Moments(points.where(points.notna(), placed), none, found.bad | lost)


def one_kind(values: pd.Series, notation: Notation = ISO_8601) -> pd.Series:
    """A column as datetimes that all have a zone, or all have none; NaT where it is missing.

    Raises DataRefused for a value that is no moment, and where some values have a UTC offset and
    others have none.
    """
    found = read(values, notation)
    if found.bad.any():
        examples = listed(dict.fromkeys(map(str, values[found.bad])), 3)
        raise DataRefused(
            f"Column {values.name!r}: {int(found.bad.sum()):,} of {len(values):,} values cannot be "
            f"read as a moment in {notation}: {examples}. {HOW}."
        )
    if not (clocks := found.clocks.notna()).any():
        return found.points
    if (points := found.points.notna()).any():
        raise DataRefused(
            f"Column {values.name!r} has values with a UTC offset, as {values[points].iloc[0]!r}, "
            f"and {int(clocks.sum()):,} without, as {values[clocks].iloc[0]!r}. {SAY_CLOCK}."
        )
    return found.clocks


def require(notation: Notation) -> None:
    """Raise UsageError for a format that cannot read what it writes, and for an unknown zone."""
    if notation.zone:
        zone_of(notation.zone)
    try:
        sample = datetime(2013, 1, 31, tzinfo=UTC).strftime(notation.format)
        datetime.strptime(sample, notation.format)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{notation.format!r} is no format of strptime: {error}.") from error


def zone_of(name: str) -> ZoneInfo:
    """A zone by its name in the IANA database; raises UsageError where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"There is no zone {name!r}; zones are as 'Europe/Berlin'.") from error
