"""Tables and their rules, as pandera models. Yours to edit.

`RawRows` is what the source gives: `validate` quarantines rows that break it. `ModelInput` is
what the model takes, and the only place where its columns, types, ranges and categories are
written: `contract.json`, the API, the web form and the drift columns are derived from it.

In `ModelInput`, a `float` is a number, an `int` an integer, a `bool` yes or no, and a `str` a
category: closed with `isin`, open without (then training learns the categories). `metadata`
may give a `unit`. Ranges are inclusive. Dates: see loop/docs/data-rules.md.
"""

from __future__ import annotations

import pandera.pandas as pa
from pandera.typing import Series

AIRPORTS = ["EWR", "JFK", "LGA"]
CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX"]
CARRIERS += ["WN", "YV"]
AIRPORT_CODE = r"^[A-Z]{3}$"


class RawRows(pa.DataFrameModel):
    """One scheduled flight, with the weather at its airport in its hour of departure."""

    time_hour: Series[str] = pa.Field(str_matches=r"^\d{4}-\d\d-\d\dT\d\d:00:00Z$")
    carrier: Series[str] = pa.Field(isin=CARRIERS)
    flight: Series[int] = pa.Field(ge=1, le=9999)
    origin: Series[str] = pa.Field(isin=AIRPORTS)
    dest: Series[str] = pa.Field(str_matches=AIRPORT_CODE)
    sched_dep_time: Series[int] = pa.Field(ge=0, le=2359)
    distance: Series[float] = pa.Field(ge=1, le=6000, nullable=True)
    temp: Series[float] = pa.Field(ge=-60, le=130, nullable=True)
    dewp: Series[float] = pa.Field(ge=-60, le=100, nullable=True)
    humid: Series[float] = pa.Field(ge=0, le=100, nullable=True)
    wind_dir: Series[float] = pa.Field(ge=0, le=360, nullable=True)
    wind_speed: Series[float] = pa.Field(ge=0, le=150, nullable=True)
    wind_gust: Series[float] = pa.Field(ge=0, le=200, nullable=True)
    precip: Series[float] = pa.Field(ge=0, le=10, nullable=True)
    pressure: Series[float] = pa.Field(ge=900, le=1100, nullable=True)
    visib: Series[float] = pa.Field(ge=0, le=100, nullable=True)
    arr_delay: Series[float] = pa.Field(ge=-200, le=3000, nullable=True)

    class Config:
        coerce = True


class ModelInput(pa.DataFrameModel):
    """What kind of flight it is: who flies, from where, and how far.

    Few columns: among many, all rows are about as far from each other.
    """

    carrier: Series[str] = pa.Field(isin=CARRIERS, title="Airline", description="IATA code")
    origin: Series[str] = pa.Field(isin=AIRPORTS, title="From")
    distance: Series[float] = pa.Field(
        ge=1, le=6000, nullable=True, title="Distance", metadata={"unit": "miles"}
    )

    class Config:
        coerce = True
        strict = "filter"
