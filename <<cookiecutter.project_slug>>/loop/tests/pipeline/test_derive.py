"""The contract says to clients what the schema says to training."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.typing import Series

from mlops_loop import errors
from mlops_loop.pipeline import derive


@pytest.fixture
def column(make_params):
    """`column(pa.Column(...), values)` derives one column of a contract."""

    def one(schema: pa.Column, values: list):
        table = pd.DataFrame({"a": values, "_target": [1.0] * len(values)})
        whole = derive.derive_contract(
            pa.DataFrameSchema({"a": schema}), table, make_params("regression")
        )
        return whole.columns[0]

    return one


@pytest.mark.parametrize(
    ("dtype", "values", "kind", "example"),
    [
        (float, [1.0, 2.0, 9.0], "number", 2),
        ("float32", [0.5, 0.5], "number", 0.5),
        (int, [1, 2, 4], "integer", 2),
        ("uint8", [1, 3], "integer", 2),
        (pd.Int64Dtype(), pd.array([1, None, 3]), "integer", 2),
        (bool, [True, True, False], "boolean", True),
        (pd.BooleanDtype(), pd.array([False, None]), "boolean", False),
        (str, ["b", "a", "b"], "category", "b"),
        ("category", pd.Categorical(["x", "x", "y"]), "category", "x"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_each_type_has_its_kind_and_a_typical_example(column, dtype, values, kind, example):
    """The example is a value that training has seen."""
    found = column(pa.Column(dtype), values)
    assert (found.kind, found.example) == (kind, example)
    assert type(found.example) is type(example)


@pytest.mark.parametrize(
    ("check", "values", "facts"),
    [
        (pa.Check.ge(1), [2.0], {"minimum": 1}),
        (pa.Check.le(9), [2.0], {"maximum": 9}),
        (pa.Check.in_range(1, 9), [2.0], {"minimum": 1, "maximum": 9}),
        (pa.Check.gt(1), [2], {"minimum": 2}),
        (pa.Check.lt(8.5), [2], {"maximum": 8}),
        (pa.Check.in_range(1, 9, include_min=False), [2], {"minimum": 2, "maximum": 9}),
        (pa.Check.in_range(1, 9, include_max=False), [2], {"minimum": 1, "maximum": 8}),
        ([pa.Check.ge(1), pa.Check.in_range(0, 5)], [2.0], {"minimum": 1, "maximum": 5}),
        ([pa.Check.isin(["ab", "b"]), pa.Check.str_matches("a")], ["ab"], {"levels": ("ab",)}),
        (pa.Check.isin(["b", "a"]), ["a"], {"levels": ("b", "a"), "closed": True}),
        (pa.Check.str_matches("^a"), ["ab"], {"pattern": "^a", "levels": ("ab",), "closed": False}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_check_is_in_the_contract(column, check, values, facts):
    """What the schema refuses, the form and the API refuse."""
    found = column(pa.Column(type(values[0]), check), values)
    assert {name: getattr(found, name) for name in facts} == facts


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "timedelta64[ns]"])
def test_a_type_that_the_model_does_not_take_is_refused(column, dtype):
    """With the types that it takes."""
    with pytest.raises(errors.UsageError, match=r"ModelInput.a .*takes float, int, bool and str"):
        column(pa.Column(dtype), [])


def test_categories_of_a_type_are_refused_with_what_to_write(column):
    """The contract would take any category that training has."""
    kind = pd.CategoricalDtype(["x", "y"])
    with pytest.raises(errors.UsageError, match=r"Series\[str\] with isin=\['x', 'y'\]"):
        column(pa.Column(kind), ["x"])


def test_open_categories_are_learned_from_training(column):
    """In alphabetical order, without missing values."""
    found = column(pa.Column(str, nullable=True), ["b", None, "a", "b"])
    assert (found.levels, found.closed, found.nullable) == (("a", "b"), False, True)


def test_a_column_that_is_always_missing_has_no_example(column):
    """Nothing to show is no error."""
    assert column(pa.Column(float, nullable=True), [None, None]).example is None


class Described(pa.DataFrameModel):
    """A column with words for people."""

    body_height: Series[float] = pa.Field(description="Without shoes", metadata={"unit": "cm"})
    age: Series[float] = pa.Field(title="Age of the person")


def test_words_for_people_are_passed_on(make_params):
    """Title, description and unit; a title is made from the name where none is given."""
    table = pd.DataFrame({"body_height": [1.0], "age": [2.0], "_target": [1.0]})
    height, age = derive.derive_contract(
        Described.to_schema(), table, make_params("regression")
    ).columns
    assert (height.title, height.description, height.unit) == ("Body height", "Without shoes", "cm")
    assert age.title == "Age of the person"


def test_a_rare_category_counts_as_unseen(make_rows, make_params, inputs):
    """In an open column; a closed one keeps what its schema lists."""
    rows = make_rows(300)
    rows.loc[:3, "town"] = "hamlet"
    made = {
        n: derive.derive_contract(
            inputs.to_schema(), rows, make_params(changes={"prepare.min_category_count": n})
        )
        for n in (4, 5)
    }
    levels = {n: {column.name: column.levels for column in made[n].columns} for n in made}
    assert "hamlet" in levels[4]["town"]
    assert set(levels[4]["town"]) - set(levels[5]["town"]) == {"hamlet"}
    assert levels[5]["colour"] == ("red", "green", "blue")
