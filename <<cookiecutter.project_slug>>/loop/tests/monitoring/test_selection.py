"""Standardized differences between rows with an outcome and the others."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mlops_loop.model.contract import Column
from mlops_loop.monitoring.selection import Difference, differences

COLUMNS = (Column("temp", "number", True), Column("town", "category", levels=("a", "b")))


def rows(temps, towns):
    return pd.DataFrame({"temp": temps, "town": towns}, dtype=object)


def test_known_values():
    """By hand: means 1 and 0, both of variance 1; shares 0.9 and 0.5."""
    one = rows([0.0, 2.0] * 20, ["a"] * 36 + ["b"] * 4)
    two = rows([-1.0, 1.0] * 20, ["a"] * 20 + ["b"] * 20)
    temp, town = sorted(differences(one, two, COLUMNS), key=lambda d: d.column)
    assert (temp.column, temp.what, temp.value) == ("temp", "mean", pytest.approx(1.0))
    expected = 0.4 / math.sqrt((0.9 * 0.1 + 0.25) / 2)
    assert (town.what, town.value) in [
        ("a", pytest.approx(expected)),
        ("b", pytest.approx(-expected)),
    ]


def test_missing_values_differ():
    """A column that is only filled where the outcome is known; the largest comes first."""
    first, second = differences(
        rows([1.0] * 40, ["a"] * 40), rows([None] * 40, ["a"] * 40), COLUMNS
    )
    assert first == Difference("temp", "missing", -math.inf)
    assert second.value == 0


def test_a_new_level_is_not_named():
    """It may be any text."""
    first, _ = differences(
        rows([1] * 40, ["Ada Private"] * 40), rows([1] * 40, ["a"] * 40), COLUMNS
    )
    assert first.column == "town"
    assert first.what in ("a", "(new levels)")
    assert abs(first.value) == math.inf


def test_too_few_rows():
    """Nobody can tell."""
    found = differences(rows([1] * 19, ["a"] * 19), rows([1] * 40, ["a"] * 40), COLUMNS)
    assert [d.value for d in found] == [None, None]


def test_no_difference():
    """Of the same rows."""
    rng = np.random.default_rng(0)
    same = rows(list(rng.normal(size=50)), ["a", "b"] * 25)
    assert {d.value for d in differences(same, same, COLUMNS)} == {0.0}
