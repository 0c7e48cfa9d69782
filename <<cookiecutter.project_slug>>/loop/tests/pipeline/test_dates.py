"""Parts of dates are those that a clock of the place shows, or the column as it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.pipeline import dates

NEW_YEAR = "2023-12-31T23:30:00Z"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", {"hour": 23, "day_of_week": 6, "day_of_year": 365, "month": 12}),
        ("Europe/Berlin", {"hour": 0, "day_of_week": 0, "day_of_year": 1, "month": 1}),
        ("America/New_York", {"hour": 18, "day_of_week": 6, "day_of_year": 365, "month": 12}),
    ],
)
@pytest.mark.parametrize("kind", [str, pd.Timestamp])
def test_dates_are_taken_apart_on_the_clock_of_a_place(zone, expected, kind):
    """Texts and times alike; New Year comes to Berlin before it comes to New York."""
    found = dates.date_parts(pd.Series([kind(NEW_YEAR)], index=[7]), zone, expected)
    assert found.loc[7].to_dict() == expected


def test_forms_of_iso_8601_may_be_mixed():
    """Each is the same moment; pandas alone takes the first for the form of all."""
    forms = [NEW_YEAR, "2024-01-01 01:30+02:00", "20231231T2330Z", "2023-W52-7T23:30:00.000+00"]
    parts = dates.date_parts(pd.Series(forms), "Europe/Berlin", ["hour", "day_of_year"])
    assert parts.drop_duplicates().to_dict("records") == [{"hour": 0, "day_of_year": 1}]


@pytest.mark.parametrize("values", [["2024-01-06"], [pd.Timestamp("2024-01-06")]], ids=str)
def test_without_an_offset_a_date_stays_what_it_says(values):
    """A Saturday; taken for UTC it would be a Friday in New York."""
    parts = dates.date_parts(pd.Series(values), None, ["day_of_week", "hour"])
    assert parts.to_dict("records") == [{"day_of_week": 5, "hour": 0}]


@pytest.mark.parametrize(
    ("values", "zone", "reason"),
    [
        (["2024-01-06"], "America/New_York", r"no UTC offset, as '2024-01-06'.*None.*RawRows"),
        ([NEW_YEAR], None, "has a UTC offset.*which clock"),
        (["02/01/2013"], "UTC", "1 of 1 values cannot be read .*'02/01/2013'.*format"),
        ([NEW_YEAR, "2024-01-06"], "UTC", "with a UTC offset.*and 1 without"),
        ([20130102], None, "cannot be read .*'20130102'"),
    ],
)
def test_what_would_be_guessed_is_refused(values, zone, reason):
    """The message says what to write."""
    with pytest.raises(DataRefused, match=f"'when'.*{reason}"):
        dates.date_parts(pd.Series(values, name="when"), zone, ["hour"])


@pytest.mark.parametrize(("zone", "part"), [("Mars/Base", "hour"), ("UTC", "o'clock")])
def test_a_name_that_does_not_exist_is_a_wrong_call(zone, part):
    """A zone, or a part of a date."""
    with pytest.raises(UsageError, match=r"no (zone 'Mars/Base'|part \"o'clock\")"):
        dates.date_parts(pd.Series([NEW_YEAR]), zone, [part])


def test_a_missing_date_has_missing_parts():
    """And leaves the others whole; a column without any date has no parts at all."""
    hours = dates.date_parts(pd.Series([NEW_YEAR, None]), "UTC", ["hour"])["hour"]
    assert hours[0] == 23
    assert pd.isna(hours[1])
    for zone in ("UTC", None):
        nothing = dates.date_parts(pd.Series([None, None], dtype=object), zone, ["hour"])
        assert nothing["hour"].isna().all()


def test_the_hour_that_summer_time_repeats_is_no_error():
    """Both moments read half past one in New York; the hour that spring skips is never shown."""
    autumn = pd.Series(["2013-11-03T05:30:00Z", "2013-11-03T06:30:00Z"])
    assert dates.date_parts(autumn, "America/New_York", ["hour"])["hour"].tolist() == [1, 1]
    spring = pd.Series(["2013-03-10T06:30:00Z", "2013-03-10T07:30:00Z"])
    assert dates.date_parts(spring, "America/New_York", ["hour"])["hour"].tolist() == [1, 3]


@given(
    start=st.datetimes(datetime(1950, 1, 1), datetime(2037, 1, 1)),
    zone=st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
@settings(max_examples=60, deadline=None)
def test_parts_are_those_of_the_standard_library(start, zone):
    """Hour by hour over two days, whatever the clocks do meanwhile."""
    hours = [start.replace(tzinfo=UTC) + timedelta(hours=i) for i in range(48)]
    local = [moment.astimezone(ZoneInfo(zone)) for moment in hours]
    texts = pd.Series([moment.isoformat() for moment in hours])
    found = dates.date_parts(texts, zone, ["hour", "minute", "day_of_week", "day_of_year"])
    wanted = [(m.hour, m.minute, m.weekday(), m.timetuple().tm_yday) for m in local]
    assert list(found.itertuples(index=False, name=None)) == wanted
