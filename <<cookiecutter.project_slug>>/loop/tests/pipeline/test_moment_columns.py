"""Columns of moments are read as the schema says, and no row is read by a guess."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.typing import Series

from mlops_loop import errors
from mlops_loop.pipeline.validate import validate

WITH_ZONE = Annotated[pd.DatetimeTZDtype, "us", "UTC"]


def schema(kind, coerce: bool = True, **field) -> type[pa.DataFrameModel]:
    """A schema with the column `when` of this type."""
    config = type("Config", (), {"coerce": coerce})
    members = {"__annotations__": {"when": Series[kind]}, "when": pa.Field(**field)}
    return type("RawRows", (pa.DataFrameModel,), members | {"Config": config})


def reasons(values: list, kind, **field) -> list[str]:
    """Why rows are quarantined, in their order; the first row is always a good one."""
    found = validate(pd.DataFrame({"when": values}, dtype=object), schema(kind, **field))
    assert len(found.rows) + len(found.quarantined) == len(values)
    return found.quarantined["_failures"].str.removeprefix("when: ").tolist()


@pytest.mark.parametrize("coerce", [True, False])
def test_a_stated_format_is_read_and_typed(coerce):
    """The second of January; to_datetime alone would say the first of February."""
    wanted = schema(pd.Timestamp, coerce, metadata={"format": "%d/%m/%Y"}, nullable=True)
    found = validate(pd.DataFrame({"when": ["02/01/2013", "31/01/2013", None]}), wanted)
    assert found.rows["when"].tolist()[:2] == [dt.datetime(2013, 1, 2), dt.datetime(2013, 1, 31)]
    assert found.rows["when"].isna().tolist() == [False, False, True]
    assert found.rows["when"].dtype == "datetime64[ns]"


def test_mixed_forms_of_iso_8601_pass():
    """With one type, and the point in time that each of them names."""
    values = ["2013-01-02T03:04Z", "2013-01-02 04:04:00.000+01", "20130102T0304+0000"]
    found = validate(pd.DataFrame({"when": values}), schema(WITH_ZONE))
    assert found.rows["when"].tolist() == [pd.Timestamp("2013-01-02T03:04Z")] * 3


@pytest.mark.parametrize(
    ("good", "bad", "kind", "reason"),
    [
        ("2013-01-02", "02/01/2013", pd.Timestamp, "is no moment in ISO 8601"),
        ("2013-01-02", "now", pd.Timestamp, "is no moment in ISO 8601"),
        ("2013-01-02", 20130102, pd.Timestamp, "is no moment in ISO 8601"),
        ("2013-01-02", "2013-01-02T00:00Z", pd.Timestamp, "has a UTC offset, and the type has"),
        ("2013-01-02T00Z", "2013-01-02T00", WITH_ZONE, "has no UTC offset"),
        ("2013-01-02", "0001-01-01", pd.Timestamp, "is beyond the years 1678 to 2261"),
        ("2013-01-02", "2013-01-02T15:00", dt.date, "is more than a date"),
        ("2013-01-02", "02/01/2013", dt.date, "is no moment in ISO 8601"),
        ("2013-01-02", None, pd.Timestamp, "not_nullable"),
        ("2013-01-02", None, dt.date, "not_nullable"),
    ],
    ids=str,
)
def test_what_is_no_moment_goes_into_quarantine(good, bad, kind, reason):
    """With its reason; the row beside it passes."""
    [found] = reasons([good, bad], kind)
    assert found.startswith(reason)


def test_times_that_summer_time_skips_or_repeats_are_quarantined():
    """Where the schema says on which clock they were read."""
    values = ["2013-07-01 12:00", "2013-03-31 02:30", "2013-10-27 02:30"]
    found = reasons(values, WITH_ZONE, metadata={"zone": "Europe/Berlin"})
    assert found == ["is no moment in ISO 8601 on the clock of Europe/Berlin"] * 2


@pytest.mark.parametrize(
    ("kind", "metadata", "reason"),
    [
        (str, {"format": "%d.%m.%Y"}, "type is str.*pd.Timestamp"),
        (int, {"zone": "UTC"}, "type is int64"),
        (pd.Timestamp, {"format": "%Q"}, "'%Q' is no format of strptime"),
        (pd.Timestamp, {"format": 3}, "3 is no format of strptime"),
        (WITH_ZONE, {"zone": "Mars"}, "no zone 'Mars'"),
        (pd.Timestamp, {"zone": "UTC"}, "zone.*Annotated"),
    ],
)
def test_a_notation_that_says_nothing_is_refused(kind, metadata, reason):
    """By the name of its column."""
    with pytest.raises(errors.UsageError, match=f"'when'.*{reason}"):
        validate(pd.DataFrame({"when": ["1"]}), schema(kind, metadata=metadata))


@given(
    moments=st.lists(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)), min_size=1),
    format=st.sampled_from(["%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S"]),
)
@settings(max_examples=40, deadline=None)
def test_what_was_written_in_a_format_is_read_again(moments, format):
    """No row is lost, none is another one."""
    moments = [moment.replace(microsecond=0) for moment in moments]
    raw = pd.DataFrame({"when": [moment.strftime(format) for moment in moments]})
    found = validate(raw, schema(pd.Timestamp, metadata={"format": format}))
    assert found.rows["when"].tolist() == moments
