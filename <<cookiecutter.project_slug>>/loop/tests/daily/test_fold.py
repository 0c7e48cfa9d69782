"""Rows to counts of days: parts add up to the whole, and the log gives what its rows say."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop.daily import fold as folds
from mlops_loop.daily.bins import MISSING, NAMED, UNKNOWN
from mlops_loop.daily.day import Day, merge
from mlops_loop.daily.fold import Table, fold, fold_log
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


def record(frame, at: datetime, row: int = 0, **changes) -> dict:
    """As the log gives it."""
    inputs = {"size": 1.0, "rain": 0.0, "town": "Bonn", "member": True}
    shares = {"no": 0.25, "yes": 0.75}
    output = {"prediction": "yes", "probability": 0.75, "probabilities": shares}
    known = {"prediction_id": str(at), "row": row, "at": at.isoformat(), "model_version": "v1.0.0"}
    known |= {"latency_ms": 3.0, "inputs": inputs, "output": output}
    return known | {"outcome": None, "outcome_at": None} | changes


@pytest.fixture
def records(frame):
    """Two rows of a request before midnight in UTC, and one of another model after it."""
    at = datetime.fromisoformat("2026-03-01T23:59:59.500+00:00")
    later = {"outcome": "no", "outcome_at": (at + timedelta(days=2.5)).isoformat()}
    third = record(frame, at + timedelta(seconds=1), model_version="v2.0.0")
    third["inputs"] = third["inputs"] | {"town": "Paris", "size": None}
    return [record(frame, at), record(frame, at, 1, **later), third]


def test_the_log_is_counted_by_day_of_prediction(frame, records):
    """Requests, latency, delay of labels, models."""
    first, second = fold_log(frame, records)
    assert (first.date, second.date) == ("2026-03-01", "2026-03-02")
    assert (first.counts["rows"], first.models) == ((2, 1), {"v1.0.0": 2})
    assert sum(first.counts["latency_ms"]) == 1
    assert first.counts["latency_ms"][2] == 1  # from 2 to 5 ms
    assert (sum(first.counts["delay"]), first.counts["delay"][3]) == (1, 1)  # from 2 to 3 days
    assert first.counts["loss"] == (1, 562_500, 316_406)
    assert second.counts["column:town"][UNKNOWN] == second.counts["column:size"][MISSING] == 1


def test_a_latency_that_nobody_knows_is_not_counted(frame, records):
    """As in a replay, which has none: it is no slow request."""
    rows = [row | {"latency_ms": None} for row in records]
    assert sum(fold_log(frame, rows)[0].counts["latency_ms"]) == 0


def test_only_one_model_is_counted_where_it_is_named(frame, records):
    """Of others the rows alone are counted, so that the traffic of a day is known."""
    first, second = fold_log(frame, records, version="v2.0.0")
    assert (first.rows, first.total, first.counts) == (0, 2, {})
    assert (second.rows, second.total) == (1, 1)
    third, fourth = fold_log(frame, records, version="v1.0.0")
    assert (third.rows, fourth.rows, fourth.models) == (2, 0, {"v2.0.0": 1})


def test_columns_that_the_log_does_not_store_are_not_missing(frame, records):
    """They are not counted at all."""
    (first, _) = fold_log(frame, records, logged={"size"})
    assert [name for name in first.counts if name.startswith("column:")] == ["column:size"]


def test_the_rows_of_a_file_are_those_of_the_route(frame, records):
    """Inputs, output and outcome of a Parquet file are JSON texts."""
    texts = [
        row | {key: json.dumps(row[key]) for key in ("inputs", "output")}
        | {"outcome": row["outcome"] and json.dumps(row["outcome"])}
        for row in records
    ]  # fmt: skip
    assert fold_log(frame, texts) == fold_log(frame, records)


def test_an_outcome_that_the_model_cannot_have_is_none(frame, records):
    """As of a class that an earlier model had."""
    records[1]["outcome"] = "perhaps"
    assert fold_log(frame, records)[0].counts["loss"] == (0, 0, 0)


def test_the_log_is_read_in_chunks(frame, records, monkeypatch):
    """No more than a chunk of records is held; the counts are the same."""
    whole = fold_log(frame, records)
    monkeypatch.setattr(folds, "CHUNK", 1)
    held, most = 0, 0

    def counted():
        nonlocal held, most
        for row in records:
            held += 1
            most = max(most, held)
            yield row

    original = folds.fold

    def folded(*args):
        nonlocal held
        held = 0
        return original(*args)

    monkeypatch.setattr(folds, "fold", folded)
    assert fold_log(frame, counted()) == whole
    assert most == 1


def test_values_of_another_type_count_as_missing(frame):
    """A log of an earlier contract may hold a text where a number is now."""
    day = fold(frame, Table(["2026-01-01"] * 2, {"size": ["wide", 2.0], "rain": [0, None]}))[0]
    assert day.counts["column:size"][MISSING] == day.counts["column:rain"][MISSING] == 1
    assert np.sum(day.counts["column:size"]) == 2
