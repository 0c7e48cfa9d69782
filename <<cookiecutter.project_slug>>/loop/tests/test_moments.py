"""One reader of dates and times: ISO 8601 or what is stated, and nothing is guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop import moments
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.moments import Notation

OFFSETS = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
ANY = st.datetimes(timezones=st.none() | OFFSETS)
WRITTEN = [
    lambda m: m.isoformat(),
    lambda m: m.isoformat(" "),
    lambda m: m.isoformat(timespec="microseconds"),
    lambda m: m.isoformat().replace("-", "", 2).replace(":", "", 2) if not m.tzinfo else str(m),
    lambda m: m.isoformat().replace("+00:00", "Z"),
]

NO_MOMENTS = ["02/01/2013", "2013/01/02", "2013-1-2", "now", "today", "nan", "", " 2013-01-02"]
NO_MOMENTS += ["2013", "2013-01-02x03:04", "2013-01-02T24:00", "2013-02-30", "1700000000"]
NO_MOMENTS += ["2013-01-02T03:04+25:00", "\u0662013-01-02", b"2013-01-02"]
NO_MOMENTS += [20130102, 2013.5, True, ("2013",)]


def series(*values) -> pd.Series:
    return pd.Series(values, [f"row {i}" for i in range(len(values))], dtype=object, name="when")


@given(found=st.lists(ANY | st.none(), max_size=8), data=st.data())
@settings(max_examples=200, deadline=None)
def test_every_form_of_iso_8601_gives_the_moment_that_was_written(found, data):
    """Whatever stands beside it; each value is a point, a clock, bad or missing, and only one."""
    texts = [moment and data.draw(st.sampled_from(WRITTEN))(moment) for moment in found]
    result = moments.read(series(*texts))
    for i, moment in enumerate(found):
        point, clock, bad = (part.iloc[i] for part in vars(result).values())
        states = [pd.notna(point), pd.notna(clock), bool(bad), moment is None]
        assert sum(states) == 1
        if states[0]:
            assert point.to_pydatetime() == moment
        if states[1]:
            assert clock.to_pydatetime() == moment
        if bad:  # the year 0 or 10000 in UTC
            assert moment.replace(tzinfo=None).year in (1, 9999)


@given(text=st.text("0123456789-:.,TWZ +/", max_size=25) | st.text(max_size=6))
@settings(max_examples=500, deadline=None)
def test_a_text_is_read_as_the_standard_library_reads_it_or_not_at_all(text):
    """Never as something else."""
    try:
        found = moments.parse(text)
    except ValueError:
        return
    assert found == datetime.fromisoformat(text if len(text) != 7 or "W" in text else text + "-01")


@given(moment=st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)))
def test_pandas_reads_the_same_moment(moment):
    """Where it is told that a text is ISO 8601."""
    text = moment.isoformat()
    read_by_pandas = pd.to_datetime(pd.Series([text]), format="ISO8601")
    assert moments.one_kind(series(text)).iloc[0] == read_by_pandas[0]


@pytest.mark.parametrize("value", NO_MOMENTS, ids=repr)
def test_what_is_no_iso_8601_is_bad(value):
    """pandas reads 'now' as the time of the run, and 2013/01/02 by a guess."""
    result = moments.read(series("2013-01-02", value))
    assert result.bad.tolist() == [False, True]
    with pytest.raises(DataRefused, match=r"'when': 1 of 2 values cannot be read .*RawRows"):
        moments.one_kind(series("2013-01-02", value))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2013-01", datetime(2013, 1, 1)),
        ("20130102", datetime(2013, 1, 2)),
        ("2013-W01-2", datetime(2013, 1, 1)),
        ("2013-01-02T03", datetime(2013, 1, 2, 3)),
        ("2013-01-02 03:04:05,5", datetime(2013, 1, 2, 3, 4, 5, 500_000)),
        ("2013-01-02T03:04:05.1234567", datetime(2013, 1, 2, 3, 4, 5, 123_456)),
        ("2013-01-02 03:04:05 +01:00", datetime(2013, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("2013-01-02 03:04:05+01", datetime(2013, 1, 2, 2, 4, 5, tzinfo=UTC)),
        (date(2013, 1, 2), datetime(2013, 1, 2)),
        (np.datetime64("2013-01-02").item(), datetime(2013, 1, 2)),
    ],
    ids=str,
)
def test_forms_and_what_they_mean(text, wanted):
    """Fractions end at the microsecond; offsets are kept as points in time."""
    assert moments.one_kind(series(text)).iloc[0] == pd.Timestamp(wanted)


@pytest.mark.parametrize(
    ("value", "format", "wanted"),
    [
        ("02/01/2013", "%d/%m/%Y", datetime(2013, 1, 2)),
        ("02/01/2013", "%m/%d/%Y", datetime(2013, 2, 1)),
        (20130102, "%Y%m%d", datetime(2013, 1, 2)),
        (20130102.0, "%Y%m%d", datetime(2013, 1, 2)),
        ("2 Jan 2013 03:04 +0100", "%d %b %Y %H:%M %z", datetime(2013, 1, 2, 2, 4, tzinfo=UTC)),
    ],
    ids=str,
)
def test_a_stated_format_is_the_only_one(value, format, wanted):
    """ISO 8601 is then bad, as is 'now'."""
    result = moments.read(series(value, None, "2013-01-02", "now"), Notation(format))
    assert result.bad.tolist() == [False, False, True, True]
    assert (result.points if wanted.tzinfo else result.clocks).iloc[0] == pd.Timestamp(wanted)


def test_a_zone_says_which_clock_values_without_an_offset_show():
    """Those that have one keep their point in time. What summer time skips or repeats is bad."""
    values = ["2013-07-01 12:00", "2013-03-31 02:30", "2013-10-27 02:30", "2013-01-01T00:00Z", None]
    result = moments.read(series(*values), Notation(zone="Europe/Berlin"))
    assert result.bad.tolist() == [False, True, True, False, False]
    points = [moment.isoformat() for moment in result.points.dropna()]
    assert points == ["2013-07-01T12:00:00+02:00", "2013-01-01T01:00:00+01:00"]
    assert result.clocks.isna().all()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_columns_of_datetimes_stay_as_they_are(unit, zone):
    """Zone and unit too."""
    typed = pd.Series(pd.to_datetime(["2013-01-02 03:04", None])).dt.as_unit(unit)
    typed = typed.dt.tz_localize(zone)
    pd.testing.assert_series_equal(moments.one_kind(typed), typed)
    assert not moments.read(typed).bad.any()


def test_values_with_and_without_an_offset_are_not_mixed():
    """One of each is named; a zone in the schema decides."""
    mixed = series("2013-01-02T00:00Z", "2013-01-02", None)
    with pytest.raises(DataRefused, match=r"as '2013-01-02T00:00Z', and 1 without.*zone"):
        moments.one_kind(mixed)
    placed = moments.one_kind(mixed, Notation(zone="UTC"))
    assert placed.dropna().nunique() == 1


@pytest.mark.parametrize(
    "notation",
    [Notation("%Q"), Notation("x%"), Notation(3), Notation(zone="Mars"), Notation(zone="../x")],
    ids=str,
)
def test_a_format_or_a_zone_that_does_not_exist_is_refused(notation):
    """Before any value is read."""
    with pytest.raises(UsageError, match=r"no format of strptime|no zone"):
        moments.read(series(), notation)


def test_a_column_of_texts_is_read_as_each_of_its_values():
    """Also where a text comes again, is missing, is bad, or has an offset beside one without."""
    written = ["2024-01-31", None, "2024-01-31", "never", "2024-01-31T10:00:00Z", "never", None]
    texts, objects = pd.Series(written, range(7, 14), dtype="str"), pd.Series(written, range(7, 14))
    by_text, one_by_one = moments.read(texts), moments.read(objects.astype(object))
    for name in ("points", "clocks", "bad"):
        pd.testing.assert_series_equal(getattr(by_text, name), getattr(one_by_one, name))
    assert by_text.bad.tolist() == [False, False, False, True, False, True, False]


def test_an_empty_column_of_texts_has_no_moment():
    """Nor one in which all is missing."""
    assert moments.read(pd.Series([], dtype="str")).bad.empty
    assert not moments.read(pd.Series([None, None], dtype="str")).bad.any()
