"""Helpers of the features: parts of dates, names of what the model sees."""

from __future__ import annotations

import pandas as pd
import pytest

from mlops_loop.model.contract import Column, Contract
from mlops_loop.pipeline import dates, model_pipeline

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


def test_a_missing_date_has_missing_parts():
    """And leaves the others whole."""
    values = pd.Series([NEW_YEAR, None])
    hours = dates.date_parts(values, "UTC", ["hour"])["hour"]
    assert hours[0] == 23
    assert pd.isna(hours[1])


def test_the_hour_that_summer_time_repeats_is_no_error():
    """Both moments read half past one in New York."""
    values = pd.Series(["2013-11-03T05:30:00Z", "2013-11-03T06:30:00Z"])
    assert dates.date_parts(values, "America/New_York", ["hour"])["hour"].tolist() == [1, 1]


def test_every_feature_has_a_name():
    """Numbers first, then each category, then the missing one."""
    columns = (
        Column("colour", "category", nullable=True, levels=("red", "blue")),
        Column("size", "number"),
        Column("town", "category", levels=("here",)),
    )
    names = model_pipeline.feature_names(Contract("regression", "y", columns))
    assert names == ["size", "colour = red", "colour = blue", "colour = missing", "town = here"]
