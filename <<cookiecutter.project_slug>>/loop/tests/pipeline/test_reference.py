"""Frozen bins: the training rows, counted again, have no drift at all."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop import files
from mlops_loop.model import contract
from mlops_loop.pipeline import reference


def describe(kind: str, values: list) -> dict:
    one = contract.Contract("regression", "y", (contract.Column("a", kind),))
    return reference.make_reference(pd.DataFrame({"a": values}), one)["columns"]["a"]


def psi(expected: np.ndarray, found: np.ndarray) -> float:
    expected, found = expected + 1e-9, found + 1e-9
    return float(np.sum((found - expected) * np.log(found / expected)))


def count(values: list, edges: list) -> np.ndarray:
    """Shares by bin, the slow way: a bin takes values up to and including its upper edge."""
    limits = [-np.inf, *edges, np.inf]
    inside = [[low < v <= high for v in values] for low, high in itertools.pairwise(limits)]
    return np.array(inside).mean(axis=1)


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(0, 3).map(float), min_size=1, max_size=50))
@settings(max_examples=100, deadline=None)
def test_the_training_rows_have_no_drift(values):
    """Shares sum to 1, and counting by the frozen bins gives them again."""
    found = describe("number", values)
    assert sum(found["shares"]) == pytest.approx(1)
    assert found["edges"] == sorted(set(found["edges"]))
    assert psi(np.array(found["shares"]), count(values, found["edges"])) == pytest.approx(0)


def test_the_bins_survive_their_file(tmp_path):
    """Tiny and large numbers have the same bins after JSON."""
    values = [1e-9, 2e-9, 3e-9, 1 / 3, 2 / 3, 1e9 + 0.1234567]
    files.write_json(describe("number", values), tmp_path / "reference.json", digits=None)
    found = files.read_json(tmp_path / "reference.json")
    np.testing.assert_array_equal(count(values, found["edges"]), found["shares"])


@pytest.mark.parametrize("values", [[5.0] * 20, [None] * 20, [None, 1.0]], ids=str)
@pytest.mark.parametrize("kind", ["number", "integer"])
def test_columns_with_little_in_them(kind, values):
    """Constant, all missing, one value."""
    found = describe(kind, values)
    assert found["missing_share"] == np.mean([v is None for v in values])
    assert sum(found["shares"]) == pytest.approx(0 if found["missing_share"] == 1 else 1)


def test_categories_have_shares_of_the_rows_that_are_not_missing():
    """By level, in alphabetical order."""
    found = describe("category", ["b", "a", None, "b", "b"])
    assert found == {
        "kind": "category",
        "missing_share": 0.2,
        "shares": {"a": 0.25, "b": 0.75},
    }


def test_booleans_are_counted_like_categories():
    """True and False are the levels."""
    assert describe("boolean", [True, False, True, True])["shares"] == {"False": 0.25, "True": 0.75}
