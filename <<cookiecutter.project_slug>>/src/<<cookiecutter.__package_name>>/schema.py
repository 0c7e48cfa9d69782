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
    distance: Series[float] = pa.Field(ge=1, le=6000)
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
    """What is known an hour before departure."""

    carrier: Series[str] = pa.Field(isin=CARRIERS, title="Airline", description="IATA code")
    origin: Series[str] = pa.Field(isin=AIRPORTS, title="From")
    dest: Series[str] = pa.Field(
        str_matches=AIRPORT_CODE, title="To", description="Airport, three capital letters"
    )
    departure_hour: Series[float] = pa.Field(
        ge=0,
        le=24,
        title="Scheduled departure",
        description="Local time, 18.5 is half past six in the evening",
        metadata={"unit": "h"},
    )
    weekday: Series[int] = pa.Field(ge=0, le=6, title="Weekday", description="0 is Monday")
    distance: Series[float] = pa.Field(ge=1, le=6000, title="Distance", metadata={"unit": "miles"})
    temp: Series[float] = pa.Field(
        ge=-60, le=130, nullable=True, title="Temperature", metadata={"unit": "°F"}
    )
    humid: Series[float] = pa.Field(
        ge=0, le=100, nullable=True, title="Humidity", metadata={"unit": "%"}
    )
    wind_speed: Series[float] = pa.Field(
        ge=0, le=150, nullable=True, title="Wind", metadata={"unit": "mph"}
    )
    wind_gust: Series[float] = pa.Field(
        ge=0, le=200, nullable=True, title="Gusts", metadata={"unit": "mph"}
    )
    precip: Series[float] = pa.Field(
        ge=0, le=10, nullable=True, title="Rain or snow", metadata={"unit": "in/h"}
    )
    pressure: Series[float] = pa.Field(
        ge=900, le=1100, nullable=True, title="Pressure", metadata={"unit": "mbar"}
    )
    visib: Series[float] = pa.Field(
        ge=0, le=100, nullable=True, title="Visibility", metadata={"unit": "miles"}
    )

    class Config:
        coerce = True
        strict = "filter"
