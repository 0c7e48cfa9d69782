"""Documents by month: whatever writers do at once, nothing is lost, and nothing grows for ever."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.storage import history
from mlops_loop.storage.history import Entry, History, Month

NOW = datetime(2026, 11, 28, 2, 41, tzinfo=UTC)
KEY = "2026-11-27/v1.0.0"
SINCE, UNTIL = date(2026, 1, 1), date(2027, 1, 1)


class Memory:
    """A shelf in memory; `before_write` is called once, before the next month is written."""

    address = "memory"

    def __init__(self):
        self.kept, self.before_write = {}, None

    def names(self):
        return set(self.kept)

    def read(self, name):
        return self.kept.get(name)

    def write(self, name, data):
        action, is_month = self.before_write, "." not in name
        if action and is_month:
            self.before_write = None
            action()
        self.kept[name] = data

    def remove(self, name):
        del self.kept[name]


@pytest.fixture
def shelf():
    return Memory()


def put(shelf, key=KEY, n=1, now=NOW):
    return History(shelf).put({key: {"n": n}}, now)


def read(shelf, since=SINCE, until=UNTIL):
    return History(shelf).read(since, until)


def test_what_is_put_is_read(shelf):
    """By key, in order; days of other months and beyond the limits are left out."""
    assert put(shelf, "2026-11-27/v2", 2) == put(shelf) == put(shelf, "2026-10-31/v1.0.0", 3) == 1
    assert list(read(shelf)) == ["2026-10-31/v1.0.0", KEY, "2026-11-27/v2"]
    assert read(shelf)[KEY] == {"n": 1}
    assert list(read(shelf, date(2026, 11, 27), date(2026, 11, 28))) == [KEY, "2026-11-27/v2"]
    assert read(shelf, date(2026, 11, 28), UNTIL) == read(shelf, SINCE, SINCE) == {}


def test_the_same_again_writes_nothing(shelf):
    """So a run may be repeated."""
    put(shelf)
    before = dict(shelf.kept)
    assert put(shelf, now=NOW + timedelta(days=1)) == 0
    assert shelf.kept == before


def test_the_later_content_stays(shelf):
    """Labels came late: a day is written again; a writer that is late changes nothing."""
    put(shelf, n=1)
    assert put(shelf, n=2, now=NOW + timedelta(days=1)) == 1
    put(shelf, n=3, now=NOW - timedelta(days=1))
    assert read(shelf)[KEY] == {"n": 2}


def test_two_writers_at_once(shelf):
    """The second month to be written does not know what the first one has; no day is lost."""
    shelf.before_write = lambda: put(shelf, "2026-11-26/v1.0.0", 7)
    put(shelf)
    assert read(shelf) == {"2026-11-26/v1.0.0": {"n": 7}, KEY: {"n": 1}}
    month = gzip.decompress(shelf.kept["days-2026-11"])
    assert len(json.loads(month)["entries"]) == 1  # it was overwritten
    put(shelf, "2026-11-25/v1.0.0")
    assert len(json.loads(gzip.decompress(shelf.kept["days-2026-11"]))["entries"]) == 3


def test_a_writer_that_was_killed_between_the_two(shelf):
    """Its addition is read, and merged by the next."""

    class Killed(Exception):
        pass

    def kill():
        raise Killed

    shelf.before_write = kill
    with pytest.raises(Killed):
        put(shelf)
    assert read(shelf) == {KEY: {"n": 1}}


def test_old_additions_go(shelf):
    """After thirty days, when they are in the month; a young one, and an unmerged one, stay."""
    for n in range(5):
        put(shelf, n=n, now=NOW + timedelta(days=n))
    assert len(shelf.kept) == 1 + 5
    for n in range(5, 10):
        put(shelf, n=n, now=NOW + timedelta(days=30 + n))
    assert len(shelf.kept) == 1 + 5
    assert read(shelf) == {KEY: {"n": 9}}
    merged = json.loads(gzip.decompress(shelf.kept["days-2026-11"]))["merged"]
    assert set(merged) == shelf.names() - {"days-2026-11"}


def test_an_old_addition_that_the_month_lacks_is_merged_before_it_goes(shelf):
    """A writer of long ago was overwritten."""
    put(shelf)
    month = shelf.kept["days-2026-11"]
    put(shelf, "2026-11-26/v1.0.0", 7)
    shelf.kept["days-2026-11"] = month
    for n in (60, 61):
        put(shelf, "2026-11-25/v1.0.0", n, NOW + timedelta(days=n))
        assert read(shelf)["2026-11-26/v1.0.0"] == {"n": 7}
    assert len(shelf.kept) == 1 + 2


@pytest.mark.parametrize(
    "damage", [b"", b"\x1f\x8b", gzip.compress(b"[]", mtime=0), gzip.compress(b"{}", mtime=0)]
)
def test_what_is_damaged_is_not_overwritten(shelf, damage):
    """It may be restored."""
    put(shelf)
    shelf.kept["days-2026-11"] = damage
    for call in (read, put):
        with pytest.raises(StoreUnreachable, match="days-2026-11 in memory is damaged"):
            call(shelf)
    assert shelf.kept["days-2026-11"] == damage


def test_an_addition_is_what_its_name_says(shelf):
    """Otherwise it is damaged."""
    put(shelf)
    (name,) = shelf.names() - {"days-2026-11"}
    del shelf.kept["days-2026-11"]
    shelf.kept[name] = Month({KEY: Entry("2027", '{"n": 9}')}).to_bytes()
    with pytest.raises(StoreUnreachable, match="other content than its name says"):
        read(shelf)


@pytest.mark.parametrize(
    "key", ["2026-11-27", "2026-02-30/v1", "2026-11-27/", "x/2026-11-27", "2026-11-27/../x"]
)
def test_a_key(shelf, key):
    """Is a day and a name."""
    with pytest.raises(UsageError, match="is no key of the history"):
        put(shelf, key)
    assert shelf.kept == {}


def test_the_size_is_limited(shelf):
    """The history keeps counts, and no rows."""
    with pytest.raises(UsageError, match=r"has 70,\d\d\d bytes, allowed are 65,536"):
        History(shelf).put({KEY: {"rows": "x" * 70_000}}, NOW)
    with pytest.raises(ValueError, match="JSON"):
        History(shelf).put({KEY: {"n": float("nan")}}, NOW)
    assert shelf.kept == {}


entries = st.dictionaries(
    st.sampled_from("abc"), st.builds(Entry, st.sampled_from("12"), st.sampled_from("xyz"))
)


@settings(max_examples=50, deadline=None)
@given(entries, entries, entries)
def test_merging_has_no_order(a, b, c):
    """Commutative, associative, and the same when done twice."""

    def merged(*parts):
        month = Month()
        for part in parts:
            month.add(part)
        return month.to_bytes()

    assert merged(a, b, c) == merged(c, a, b, a) == merged(merged_entries(b, c), a)


def merged_entries(*parts):
    month = Month()
    for part in parts:
        month.add(part)
    return month.entries


def test_months_of_days():
    """Each once."""
    assert history._months(date(2026, 11, 30), date(2027, 1, 1)) == ["2026-11", "2026-12"]
