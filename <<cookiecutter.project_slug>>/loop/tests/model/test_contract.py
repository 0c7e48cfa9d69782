"""The contract: rows and tables get the same codes, and a file brings it back whole."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop.model import contract

LEVELS = ("a", "b", "é", " a")
COLUMNS = {
    "number": contract.Column("number", "number", nullable=True, minimum=0.5, unit="cm"),
    "integer": contract.Column("integer", "integer", nullable=True, maximum=7, example=3),
    "boolean": contract.Column("boolean", "boolean", nullable=True, example=True),
    "category": contract.Column("category", "category", nullable=True, levels=LEVELS, closed=True),
}
VALUES = {
    "number": st.none() | st.floats(width=32, allow_nan=False),
    "integer": st.none() | st.integers(-(2**31), 2**31 - 1),
    "boolean": st.none() | st.booleans(),
    "category": st.none() | st.sampled_from([*LEVELS, "", "unseen", "A"]),
}
DTYPES = {
    "number": ["object", "float64", "float32", "Float64"],
    "integer": ["object", "Int64", "float64", "Int32"],
    "boolean": ["object", "boolean"],
    "category": ["object", "str", "category", "string"],
}


def one(kind: str) -> contract.Contract:
    return contract.Contract("regression", "y", (COLUMNS[kind],))


@pytest.mark.parametrize(("kind", "dtype"), [(k, d) for k in DTYPES for d in DTYPES[k]])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_table_and_its_rows_get_the_same_codes(kind, dtype, data):
    """Whatever dtype pandas gives a column, training and serving see the same numbers."""
    values = data.draw(st.lists(VALUES[kind], max_size=8))
    rows = one(kind).encode_rows([{kind: value} for value in values])
    table = one(kind).encode_table({kind: pd.Series(values, dtype=dtype)})
    np.testing.assert_array_equal(rows, table)
    many = one(kind).encode_rows([{kind: value} for value in values] * contract.MANY_ROWS)
    np.testing.assert_array_equal(many, np.tile(rows, (contract.MANY_ROWS, 1)))
    assert rows.dtype == table.dtype == np.float32


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint16", "bool", "float16"])
def test_columns_without_missing_values_keep_their_numbers(dtype):
    """Plain numpy columns are taken as they are."""
    table = one("integer").encode_table({"integer": np.array([0, 1, 1], dtype=dtype)})
    np.testing.assert_array_equal(table, np.float32([[0], [1], [1]]))


@pytest.mark.parametrize(
    "missing", [None, math.nan, np.float32("nan"), pd.NA, pd.NaT], ids=lambda v: type(v).__name__
)
def test_every_missing_value_is_the_same_one(missing):
    """A missing category has the code after the last level, a missing number is NaN."""
    values = pd.Series(["a", missing], dtype=object)
    assert one("category").encode_table({"category": values}).tolist() == [[0], [len(LEVELS)]]
    numbers = pd.Series([1.5, missing], dtype=object)
    assert math.isnan(one("number").encode_table({"number": numbers})[1, 0])


@pytest.mark.parametrize("missing", [None, math.nan, np.float32("nan")], ids=repr)
def test_missing_values_of_a_row_are_the_same_one(missing):
    """NaN in a row of Python values is missing as well, not an unseen category."""
    assert one("category").encode_rows([{"category": missing}]).item() == len(LEVELS)
    assert math.isnan(one("number").encode_rows([{"number": missing}]).item())


def test_a_row_without_a_key_misses_the_value():
    """A key that a client leaves out counts as null, and unknown keys are not looked at."""
    whole = contract.Contract("regression", "y", tuple(COLUMNS.values()))
    found = whole.encode_rows([{"extra": 1}])
    np.testing.assert_array_equal(found, np.float32([[math.nan] * 3 + [len(LEVELS)]]))


def test_no_rows_give_an_empty_matrix():
    """The matrix has its columns also when there is no row."""
    whole = contract.Contract("regression", "y", tuple(COLUMNS.values()))
    empty = {name: [] for name in COLUMNS}
    assert whole.encode_rows([]).shape == whole.encode_table(empty).shape == (0, 4)


def test_a_table_without_a_column_is_an_error_that_names_it():
    """A lost column is never encoded as missing values."""
    with pytest.raises(KeyError, match="number"):
        one("number").encode_table({"other": [1.0]})


def test_numbers_beyond_float32_become_infinite_without_a_warning():
    """Rows and table treat 1e300 alike."""
    rows = one("number").encode_rows([{"number": 1e300}])
    np.testing.assert_array_equal(rows, one("number").encode_table({"number": np.array([1e300])}))
    assert np.isinf(rows).all()


def test_unseen_categories_have_a_code_of_their_own():
    """An unseen category is neither a level nor missing."""
    assert one("category").encode_rows([{"category": "c"}]).item() == contract.UNSEEN


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64", "float32", "object", "category"])
def test_categories_that_are_numbers_in_the_table(dtype):
    """1 is the level '1', in a table of any type; '1.0' is another text."""
    column = contract.Column("code", "category", levels=("0", "1"))
    whole = contract.Contract("regression", "y", (column,))
    table = {"code": pd.Series([1, 0, 2], dtype=dtype)}
    assert whole.encode_table(table).ravel().tolist() == [1, 0, contract.UNSEEN]
    assert whole.encode_rows([{"code": "1"}, {"code": "1.0"}]).ravel().tolist() == [1, -1]


def test_positions_of_numbers_and_categories_cover_the_matrix():
    """Every column is either a number or a category."""
    whole = contract.Contract("regression", "y", tuple(COLUMNS.values()))
    assert (whole.numbers, whole.categories) == ([0, 1, 2], [3])
    assert [column.n_codes for column in whole.columns] == [0, 0, 0, len(LEVELS) + 1]


@pytest.mark.parametrize("classes", [(), ("nein", "ja, wirklich"), ("a", "b", "c")])
def test_a_saved_contract_comes_back_equal(tmp_path, classes):
    """Saving and loading changes nothing."""
    task = "classification" if classes else "regression"
    whole = contract.Contract(task, "y", tuple(COLUMNS.values()), classes, 0.25, "€")
    whole.save(tmp_path / "contract.json")
    assert contract.Contract.load(tmp_path / "contract.json") == whole


@pytest.mark.parametrize(
    ("value", "limits", "rounded"),
    [
        (23.456789, {}, 23.46),
        (-0.00123456, {}, -0.001235),
        (1013.25, {}, 1013),
        (123456.7, {}, 123457),
        (23.0, {}, 23),
        (0.0, {}, 0),
        (9.99999, {}, 10),
        (9.99999, {"maximum": 9.9999925}, 9.99999),
        (0.123449, {"minimum": 0.123448}, 0.12345),
        (None, {}, None),
        (math.inf, {}, math.inf),
    ],
)
def test_an_example_is_rounded_as_people_write(value, limits, rounded):
    """To four digits, whole numbers without a point, and never beyond what is allowed."""
    found = contract.Column("x", "number", **limits).rounded(value)
    assert found == rounded
    assert isinstance(found, int) == isinstance(rounded, int)


def test_an_example_keeps_what_is_no_measurement():
    """An integer, a category, and a column that the row does not have."""
    names = ("n", "integer"), ("c", "category"), ("x", "number")
    whole = contract.Contract("classification", "y", tuple(contract.Column(*n) for n in names))
    assert whole.example({"c": "1.23456", "n": 123456}) == {"n": 123456, "c": "1.23456"}
