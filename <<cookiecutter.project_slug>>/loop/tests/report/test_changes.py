"""What the report shows of a change of columns, distributions and parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from mlops_loop.model.contract import Column, Contract
from mlops_loop.pipeline.reference import make_reference
from mlops_loop.report import changes


def facts(values, kind="number"):
    """The facts of one column, as a reference holds them."""
    contract = Contract("regression", "y", (Column("x", kind),))
    return make_reference(pd.DataFrame({"x": values}), contract)["columns"]["x"]


numbers = st.lists(st.floats(-1e6, 1e6) | st.just(0.0) | st.none(), min_size=1, max_size=60).map(
    lambda values: facts(pd.Series(values, dtype=float))
)
levels = st.lists(st.sampled_from("abc") | st.none(), min_size=1).map(
    lambda values: facts(values, "category")
)


@given(numbers | levels)
def test_nothing_is_no_distance(column):
    """Numbers that all are equal, and columns that are empty, too."""
    assert changes.distance(column, column) == pytest.approx(0, abs=1e-7)


@given(st.tuples(numbers, numbers) | st.tuples(levels, levels))
@example((facts([2.0]), facts([1.0, 2.0, 0.0, 0.0, 0.0, 0.0])))
@example((facts([-3.8549e-135, 0.0, 0.0]), facts([1.0] * 3 + [0.0] * 4 + [-1.0] * 2)))
@example((facts([0.0, 2.2e-309]), facts([0.0, 0.0, 2.2e-309])))  # closer than one can divide by
def test_distance_is_a_share(pair):
    """Between 0 and 1 for any two columns of a kind."""
    assert 0 <= changes.distance(*pair) <= 1 + 1e-9


def test_nothing_shared_is_one():
    """Other numbers, other levels, all missing against none."""
    assert changes.distance(facts([1.0, 1]), facts([5.0, 6])) == pytest.approx(1)
    assert changes.distance(facts(["a"], "category"), facts(["b"], "category")) == pytest.approx(1)
    assert changes.distance(facts([1.0, 2]), facts([np.nan] * 2)) == pytest.approx(1)


def test_numbers_are_as_far_apart_as_their_histograms():
    """Close to the distance of counts in the bins of the first."""
    rng = np.random.default_rng(0)
    old, new = rng.normal(0, 1, 5000), rng.normal(0.5, 1.2, 5000)
    edges = [-np.inf, *facts(old)["edges"], np.inf]
    expected = jensenshannon(*(np.histogram(x, edges)[0] for x in (old, new)), base=2)
    assert changes.distance(facts(old), facts(new)) == pytest.approx(expected, abs=0.02)


def test_missing_is_a_value():
    """Half of the rows lost their value: the distance of (1, 0) and (1/2, 1/2)."""
    expected = jensenshannon([1, 0], [0.5, 0.5], base=2)
    found = changes.distance(facts(["a", "a"], "category"), facts(["a", None], "category"))
    assert found == pytest.approx(expected)


def test_the_farthest_comes_first():
    """With missing shares and means; not columns that one has alone or of another kind."""
    old = {"a": facts([1.0, 2]), "b": facts([1.5, 1.5]), "gone": facts([1.0]), "c": facts([1.0])}
    new = {"a": facts([1.0, 2]), "b": facts([5.0, np.nan]), "c": facts(["1"], "category")}
    old, new = {"columns": old}, {"columns": new}
    moved = changes.distributions(old, new)
    assert [item[0] for item in moved] == ["b", "a"]
    assert moved[0][1:] == pytest.approx((1, 0, 0.5, 1.5, 5))


def contract(*columns):
    return {"columns": [{"name": "x", "kind": "number"} | column for column in columns]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (contract({}), contract({}, {"name": "y"}), [("y", "-", "number")]),
        (contract({}, {"name": "y"}), contract({}), [("y", "number", "-")]),
        (contract({"unit": "m"}), contract({"unit": "km"}), [("x, unit", "m", "km")]),
        (contract({"minimum": None}), contract({"minimum": 0}), [("x, minimum", "null", "0")]),
        (
            contract({"levels": ["a", "b"]}),
            contract({"levels": ["b", "c"]}),
            [("x, levels", '["a"]', '["c"]')],
        ),
        (contract({"example": 1}), contract({"example": 2}), []),
    ],
    ids=["added", "removed", "unit", "minimum", "levels", "example"],
)
def test_changes_of_the_contract(old, new, expected):
    """Columns that came and went, and facts that differ; of levels those that one has alone."""
    assert list(changes.columns(old, new)) == expected


def test_parameters_that_differ():
    """By dotted name; what one file has alone, lists and empty sections too."""
    old = {"train": {"grid": {"depth": [1, 2]}, "folds": 5}, "seed": 1, "clean": {}}
    new = {"train": {"grid": {"depth": [3]}, "folds": 5}, "clean": {"gust": "clip"}, "seed": 1}
    found = changes.between(changes.flat(old), changes.flat(new))
    assert found == [
        ("clean", "{}", "-"),
        ("clean.gust", "-", "clip"),
        ("train.grid.depth", "[1, 2]", "[3]"),
    ]
