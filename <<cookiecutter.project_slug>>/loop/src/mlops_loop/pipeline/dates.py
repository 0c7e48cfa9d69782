"""Parts of dates, for the features of a project."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd


def date_parts(values: pd.Series, zone: str, parts: Iterable[str]) -> pd.DataFrame:
    """Parts of moments on the clock of `zone`, one column each; missing where the moment is.

    values: ISO 8601 texts or datetimes, in UTC where they name no zone. zone: as "Europe/Berlin".
    parts: of `Series.dt`, as `hour`, `day_of_week` (0 is Monday), `day_of_year`, `month`.
    """
    local = pd.to_datetime(values, utc=True).dt.tz_convert(zone).dt
    return pd.DataFrame({part: getattr(local, part) for part in parts}, index=values.index)
