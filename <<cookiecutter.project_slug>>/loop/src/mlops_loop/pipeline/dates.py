"""Parts of dates, for the features of a project."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from mlops_loop import moments
from mlops_loop.errors import DataRefused, UsageError


def date_parts(values: pd.Series, zone: str | None, parts: Iterable[str]) -> pd.DataFrame:
    """Parts of moments, one column each; missing where the moment is.

    values: datetimes, or texts in ISO 8601. zone: as "Europe/Berlin", on whose clock moments with
    a UTC offset are read; None for values that have no offset, which are read as they stand. In
    the hour that the end of summer time repeats, two moments have the same parts.
    parts: of `Series.dt`, as `hour`, `day_of_week` (0 is Monday), `day_of_year`, `month`.

    Raises DataRefused for a value that is no moment, and for values with an offset where zone is
    None, or without one where it is not; UsageError for a zone or a part that does not exist.
    """
    local = moments.one_kind(values)
    has_offset = local.dt.tz is not None
    if local.notna().any() and has_offset != (zone is not None):
        raise DataRefused(_advice(values, has_offset, zone))
    if has_offset and zone:
        local = local.dt.tz_convert(moments.zone_of(zone))
    return pd.DataFrame({part: _part(local, part) for part in parts}, index=values.index)


def _advice(values: pd.Series, has_offset: bool, zone: str | None) -> str:
    example = str(values.dropna().iloc[0])
    if has_offset:
        return (
            f"date_parts: {values.name!r} has a UTC offset, as {example!r}. "
            'Next: say on which clock to read it, as date_parts(values, "Europe/Berlin", parts)'
        )
    return (
        f"date_parts: {values.name!r} has no UTC offset, as {example!r}, and nothing says that it "
        f"is in {zone!r}. As it stands, date_parts(values, None, parts) reads it. "
        f"{moments.SAY_CLOCK}"
    )


def _part(local: pd.Series, part: str) -> pd.Series:
    try:
        return getattr(local.dt, part)
    except AttributeError as error:
        raise UsageError(f"date_parts: moments have no part {part!r}.") from error
