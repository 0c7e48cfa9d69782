"""Rows of production are counted as one would by hand, one row after the other."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop.daily.bins import MISSING, NAMED, UNKNOWN, LevelBins
from mlops_loop.daily.day import DELAYS_DAYS, LATENCIES_MS, merge
from mlops_loop.daily.production import fold_rows
from mlops_loop.values import text_of

DAY = timedelta(days=1)
MIDNIGHT = datetime.fromisoformat("2026-03-02T00:00:00+00:00")


def record(at: datetime, row: int = 0, **changes) -> dict:
    """As a table of traffic gives it."""
    inputs = {"size": 1.0, "rain": 0.0, "town": "Bonn", "member": True}
    known = {"row": row, "at": at, "model_version": "v1.0.0", "latency_ms": 3.0, "inputs": inputs}
    known |= {"output": {"prediction": "yes", "probabilities": {"no": 0.25, "yes": 0.75}}}
    return known | {"outcome": None, "outcome_at": None} | changes


def table_of(records: list[dict]) -> pd.DataFrame:
    names = list(record(MIDNIGHT))
    rows = pd.DataFrame([[r[name] for name in names] for r in records], columns=names, dtype=object)
    for name in ("at", "outcome_at"):
        rows[name] = pd.to_datetime(rows[name], utc=True).dt.as_unit("ms")
    return rows.astype({"row": "int64"})


@pytest.fixture
def records():
    """Two rows of a request before midnight in UTC, and one of another model after it."""
    at = MIDNIGHT - timedelta(milliseconds=500)
    later = {"outcome": "no", "outcome_at": at + timedelta(days=2.5)}
    third = record(MIDNIGHT, model_version="v2.0.0")
    third["inputs"] |= {"town": "Paris", "size": None}
    return [record(at), record(at, 1, **later), third]


def test_rows_are_counted_by_day_of_prediction(frame, records):
    """Requests, latency, delay of labels, models."""
    first, second = fold_rows(frame, table_of(records))
    assert (first.date, second.date) == ("2026-03-01", "2026-03-02")
    assert (first.counts["rows"], first.models) == ((2, 1), {"v1.0.0": 2})
    assert sum(first.counts["latency_ms"]) == 1
    assert first.counts["latency_ms"][2] == 1  # from 2 to 5 ms
    assert (sum(first.counts["delay"]), first.counts["delay"][3]) == (1, 1)  # from 2 to 3 days
    assert first.counts["loss"] == (1, 562_500, 316_406)
    assert second.counts["column:town"][UNKNOWN] == second.counts["column:size"][MISSING] == 1


def test_only_one_model_is_counted_where_it_is_named(frame, records):
    """Of others the rows alone are counted, so that the traffic of a day is known."""
    first, second = fold_rows(frame, table_of(records), "v2.0.0")
    assert (first.rows, first.total, first.counts) == (0, 2, {})
    assert (second.rows, second.total) == (1, 1)
    third, fourth = fold_rows(frame, table_of(records), "v1.0.0")
    assert (third.rows, fourth.rows, fourth.models) == (2, 0, {"v2.0.0": 1})


def test_a_column_that_the_log_does_not_store_is_not_missing(frame, records):
    """LOG_COLUMNS leaves it out of every row, which the endpoint would refuse of a client. One that
    may be missing counts as that: nobody can tell why it is not there."""
    for each in records:
        each["inputs"] = {"size": 1.0}
    (first, _) = fold_rows(frame, table_of(records))
    counted = {name for name in first.counts if name.startswith("column:")}
    assert counted == {"column:size", "column:town"}
    assert first.counts["column:town"][MISSING] == 2


def test_latencies_are_counted_where_they_are_known(frame, records):
    """A table without them has none."""
    first = fold_rows(frame, table_of(records).drop(columns="latency_ms"))[0]
    assert "latency_ms" not in first.counts


VALUES = {
    "size": st.none()
    | st.floats(-5, 5)
    | st.integers(-3, 3)
    | st.sampled_from(["wide", "1.5", ""]),
    "rain": st.none() | st.just(0.0) | st.floats(0, 9),
    "town": st.sampled_from(["Bonn", "Rome", "Oslo", "Paris", "", None, 1, 1.0, True]),
    "member": st.sampled_from([True, False, 1, 1.0, "true", None]),
}
OUTCOMES = st.sampled_from([None, "yes", "no", "perhaps", "null", "1e5", 3.0, True])
DELAYS = st.none() | st.integers(0, 60_000)  # minutes


@st.composite
def made(draw):
    """A row of one of two days and models; keys may be left out of its inputs."""
    at = MIDNIGHT + timedelta(hours=draw(st.integers(-24, 23)))
    inputs = {name: draw(values) for name, values in VALUES.items() if draw(st.integers(0, 9))}
    p, delay = draw(st.floats(0, 1)), draw(DELAYS)
    return record(
        at, draw(st.integers(0, 2)), inputs=inputs, outcome=draw(OUTCOMES),
        output={"probabilities": {"no": 1 - p, "yes": p}},
        latency_ms=draw(st.floats(0, 9000) | st.just(float("nan"))),
        outcome_at=None if delay is None else at + timedelta(minutes=delay),
        model_version=draw(st.sampled_from(["v1.0.0", "v2.0.0"])),
    )  # fmt: skip


@given(rows=st.lists(made(), min_size=1, max_size=30), n=st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_chunks_of_rows_give_what_one_counts_by_hand(frame, rows, n):
    """Of odd values, in chunks of any length."""
    for row in rows:  # keys that no row of a chunk has are another test
        row["inputs"] = dict.fromkeys(VALUES) | row["inputs"]
    chunks = [rows[start : start + n] for start in range(0, len(rows), n)]
    days = merge(day for chunk in chunks for day in fold_rows(frame, table_of(chunk)))
    by_day = {day.date: [r for r in rows if str(r["at"])[:10] == day.date] for day in days}
    assert sum(map(len, by_day.values())) == len(rows)
    for day in days:
        assert {**day.counts, "models": day.models} == by_hand(frame, by_day[day.date])


def by_hand(frame, rows: list[dict]) -> dict:
    """The counts of a day by name, and rows by model."""
    first = [row["latency_ms"] for row in rows if row["row"] == 0]
    p = [row["output"]["probabilities"]["yes"] for row in rows]
    y = [{"no": 0, "yes": 1}.get(row["outcome"]) for row in rows]
    known = [(true, share) for true, share in zip(y, p, strict=True) if true is not None]
    losses = [frame.losses(np.array([a]), np.array([[1 - b, b]]))[0] for a, b in known]
    delays = [(row["outcome_at"] - row["at"]) / DAY for row in rows if row["outcome_at"]]
    columns = {name: [row["inputs"][name] for row in rows] for name in frame.columns}
    bins = frame.scores["score"]
    return {
        **{f"column:{name}": tally(frame.columns[name], own) for name, own in columns.items()},
        "score": tally(bins, p),
        "labelled:score": tally(bins, [share for _, share in known]),
        "rows": (len(rows), len(first)),
        "loss": (len(known), millionths(losses), millionths([loss**2 for loss in losses])),
        "latency_ms": limits(LATENCIES_MS, [ms for ms in first if ms == ms]),
        "delay": limits(DELAYS_DAYS, delays),
        "models": Counter(row["model_version"] for row in rows),
    }  # fmt: skip


def tally(bins, values: list) -> tuple[int, ...]:
    counts = Counter(place(bins, value) for value in values)
    return tuple(counts[i] for i in range(bins.n_counts))


def place(bins, value) -> int:
    if isinstance(bins, LevelBins):
        text = text_of(value)
        if text in bins.named:
            return NAMED + bins.named.index(text)
        return MISSING if text is None else UNKNOWN
    try:
        return 1 + bisect_left(bins.edges, float(value))
    except (TypeError, ValueError):
        return MISSING


def limits(upper: tuple[int, ...], values: list[float]) -> tuple[int, ...]:
    counts = Counter(bisect_left(upper, value) for value in values)
    return tuple(counts[i] for i in range(len(upper) + 1))


def millionths(values: list[float]) -> int:
    return sum(round(value * 1e6) for value in values)
