"""Rows to counts of days: parts add up to the whole."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop.daily.bins import MISSING, NAMED, UNKNOWN
from mlops_loop.daily.day import Day, merge
from mlops_loop.daily.fold import Table, fold
from mlops_loop.errors import UsageError


@given(cuts=st.lists(st.integers(0, 300), max_size=4), seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_the_parts_of_days_add_up_to_the_whole(frame, make_table, make_days, cuts, seed):
    """Exactly, however the rows are cut, and in any order."""
    rows = make_days(3, 100, seed)
    whole = fold(frame, make_table(rows))
    ends = sorted([0, *cuts, len(rows)])
    pieces = [rows.iloc[a:b] for a, b in pairwise(ends) if b > a]
    parts = [day for piece in reversed(pieces) for day in fold(frame, make_table(piece))]
    assert merge(parts) == whole


def test_counts_are_those_of_the_rows(frame, make_table, make_days):
    """Missing, levels, scores and losses, counted the plain way."""
    rows = make_days(2, 200)
    first, _ = fold(frame, make_table(rows))
    own = rows[rows["day"] == first.date]
    assert (first.rows, first.counts["rows"]) == (200, (200, 200))
    assert first.counts["column:size"][MISSING] == own["size"].isna().sum()
    town, names = first.counts["column:town"], frame.columns["town"].named
    assert (town[MISSING], town[UNKNOWN]) == (own["town"].isna().sum(), 0)
    shown = dict(zip(names, town[NAMED:], strict=True))
    assert shown == own["town"].value_counts().to_dict()
    assert sum(first.counts["score"]) == sum(first.counts["labelled:score"]) == 200
    n, total, squares = first.counts["loss"]
    losses = (own["y"] - own["p"]) ** 2  # the Brier score of two classes
    assert n == 200
    assert total / 1e6 == pytest.approx(losses.sum(), abs=1e-3)
    assert squares / 1e6 == pytest.approx((losses**2).sum(), abs=1e-3)


def test_a_day_survives_its_file_and_is_small(frame, make_table, make_days):
    """Some hundreds of bytes for these columns."""
    day = fold(frame, make_table(make_days(1, 5000)))[0]
    text = json.dumps(day.as_json())
    assert Day.from_json(json.loads(text)) == day
    assert len(text) < 1500


def test_days_of_other_bins_are_not_added():
    """Nor those of another date."""
    with pytest.raises(UsageError, match="cannot be added"):
        Day("2026-01-01", "a") + Day("2026-01-01", "b")
    with pytest.raises(UsageError, match="cannot be added"):
        Day("2026-01-01", "a") + Day("2026-01-02", "a")


def test_latencies_that_are_unknown_are_not_slow(frame):
    """A table of traffic may know none: no count says more than 5 s."""
    ms = np.array([3.0, np.nan, np.nan, 9e9])
    day = fold(frame, Table(["2026-01-01"] * 4, latencies=ms, requests=np.array([1, 1, 0, 1]) > 0))
    assert day[0].counts["latency_ms"] == (0, 0, 1, *(0,) * 9, 1)


@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_levels_are_counted_by_their_texts(frame, dtype):
    """Whatever the type of the column; True, 1 and 1.0 are equal to Python, and three texts."""
    odd = [True, 1, 1.0, "1", "true"] if dtype is object else []
    values = pd.Series(["Bonn", "", None, "Rome", "Paris", "Bonn", *odd], dtype=dtype)
    day = fold(frame, Table(["2026-01-01"] * len(values), {"town": values, "member": values}))[0]
    named, town = frame.columns["town"].named, day.counts["column:town"]
    assert town[:NAMED] == (2, 1 + len(odd), 0)
    assert dict(zip(named, town[NAMED:], strict=True)) == {"Bonn": 2, "Rome": 1, "Oslo": 0}
    member = day.counts["column:member"]
    assert member[UNKNOWN] == 4 + 3 * bool(odd)
    assert sum(member[NAMED:]) == 2 * bool(odd)


def test_values_of_another_type_count_as_missing(frame):
    """A log of an earlier contract may hold a text where a number is now."""
    day = fold(frame, Table(["2026-01-01"] * 2, {"size": ["wide", 2.0], "rain": [0, None]}))[0]
    assert day.counts["column:size"][MISSING] == day.counts["column:rain"][MISSING] == 1
    assert np.sum(day.counts["column:size"]) == 2
