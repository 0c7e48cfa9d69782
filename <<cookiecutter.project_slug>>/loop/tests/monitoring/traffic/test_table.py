"""Rows of days in tables."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from mlops_loop.errors import LogUnavailable
from mlops_loop.monitoring.traffic import table

from .conftest import DAY, MOMENTS


def record(at, **more):
    facts = dict.fromkeys(table.COLUMNS) | {"at": at.isoformat(), "row": 0, "inputs": {"x": 1}}
    return facts | {"subject": "a-person"} | more


class Fixed:
    note = ""

    def __init__(self, *moments):
        self.moments, self.asked = moments, []

    def day(self, day):
        self.asked.append(day)
        yield table.of_records([record(moment) for moment in self.moments])


def test_days_in_order():
    """Without the last one; the subject is left behind."""
    source = Fixed()
    assert [chunk.day for chunk in table.read(source, DAY, DAY + timedelta(days=3))] == source.asked
    assert source.asked == [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    assert tuple(table.of_records([record(MOMENTS[0])])) == table.COLUMNS


def test_a_row_of_another_day():
    """It would be counted twice, or on the wrong day."""
    assert len(list(table.read(Fixed(*MOMENTS[:2]), DAY, DAY + timedelta(days=1)))) == 1
    with pytest.raises(LogUnavailable, match=r"Among the rows of 2026-01-05 is one of 2026-01-06"):
        list(table.read(Fixed(*MOMENTS), DAY, DAY + timedelta(days=1)))


def test_inputs_as_columns():
    """None where a row does not name a column; integers stay integers."""
    rows = table.of_records([record(MOMENTS[0]), record(MOMENTS[0], inputs={"y": "b"})])
    wide = table.inputs(rows, ["x", "y"])
    assert wide["x"].tolist() == [1, None]
    assert wide["y"].tolist() == [None, "b"]


def test_moments_and_chunks(monkeypatch):
    """Moments are in UTC; an outcome that is unknown has none."""
    monkeypatch.setattr(table, "CHUNK_ROWS", 2)
    records = [record(MOMENTS[0], outcome="late", outcome_at=MOMENTS[2].isoformat())] * 3
    found = list(table.chunks(iter([*records, record(MOMENTS[1])])))
    assert [len(rows) for rows in found] == [2, 2]
    assert found[1]["outcome_at"].tolist() == [pd.Timestamp(MOMENTS[2]), pd.NaT]
    assert str(found[0]["at"].dtype) == "datetime64[ms, UTC]"
