"""Outliers by column: fences of the training rows, and what happens to what lies beyond."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlops_loop import errors, params, project
from mlops_loop.pipeline import derive, outliers, prepare, split

FINITE = st.floats(-1e6, 1e6)


@pytest.fixture
def rows() -> pd.DataFrame:
    """Eighty training rows and twenty held out, one wild value in each, and a missing one."""
    size = np.arange(100.0)
    size[[3, 90]] = 1e4, -1e4
    size[5] = np.nan
    return pd.DataFrame({"size": size, "count": range(100), "colour": "red"})


@pytest.fixture
def parts() -> pd.Series:
    return pd.Series(["train"] * 80 + ["holdout"] * 20)


def of(action: str, **more) -> params.Prepare:
    return params.Prepare(outliers={"size": action}, **more)


def treat(rows, parts, prepare_, inputs=("size", "colour")):
    return outliers.treat(rows, parts, prepare_, list(inputs))


@given(values=st.lists(FINITE, min_size=1), k=st.floats(0.5, 5))
def test_fences_are_those_of_tukey(values, k):
    """Against scipy's distance between the quartiles."""
    low, high = outliers.fences(pd.Series(values), k)
    spread = stats.iqr(values)
    if spread == 0:
        assert (low, high) == (-math.inf, math.inf)
    else:
        middle = np.quantile(values, [0.25, 0.75])
        expected = middle[0] - k * spread, middle[1] + k * spread
        # A fence is a difference of what may be far greater, and so are its last digits.
        assert (low, high) == pytest.approx(expected, abs=1e-9 * (1 + np.abs(middle).max()))


def test_fences_are_learned_from_training_rows(rows, parts):
    """A wild holdout moves nothing."""
    _, [found] = treat(rows, parts, of("flag"))
    rows.loc[parts == "holdout", "size"] *= -1e6
    _, [again] = treat(rows, parts, of("flag"))
    assert (again["low"], again["high"]) == (found["low"], found["high"])


def test_a_flag_names_the_columns(rows, parts):
    """All rows stay; the missing value is no outlier."""
    treated, [found] = treat(rows, parts, of("flag"))
    assert treated[outliers.OUTLIERS].value_counts().to_dict() == {"none": 98, "size": 2}
    assert (found["train"], found["holdout"]) == (1, 1)


def test_a_row_leaves_training_only(rows, parts):
    """The holdout keeps its outlier: the world has them too."""
    treated, [found] = treat(rows, parts, of("drop"))
    assert sorted(set(rows.index) - set(treated.index)) == [3]
    assert (found["train"], found["holdout"]) == (1, 1)


def test_wider_fences_find_less(rows, parts):
    """The number of quartile distances is a parameter."""
    _, [found] = treat(rows, parts, of("drop", fences=1000))
    assert found["train"] == 0


@pytest.mark.parametrize("column", ["colour", "nowhere", "count"])
def test_what_is_no_number_of_the_model_is_refused(rows, parts, column):
    """The message lists those that there are; a column that is only carried along is none."""
    with pytest.raises(errors.UsageError, match=rf"'{column}' is no number .*: 'size'\."):
        treat(rows, parts, params.Prepare(outliers={column: "flag"}))


def test_a_clipped_column_is_clipped_by_the_contract(make_rows, make_params, inputs):
    """Rows of a client and rows of a table alike; the missing one stays missing."""
    own = make_params(changes={"prepare.outliers": {"size": "clip"}})
    made = derive.derive_contract(inputs.to_schema(), make_rows(), own)
    low, high = outliers.fences(make_rows()["size"].dropna(), 3)
    values = [-1e9, low, 5.0, high, 1e9, None]
    expected = np.float32([low, low, 5, high, high, math.nan])
    by_row = made.encode_rows([{"size": value} for value in values])[:, 0]
    table = make_rows(6).assign(size=pd.Series(values, dtype=float))
    np.testing.assert_array_equal(by_row, expected)
    np.testing.assert_array_equal(made.encode_table(table)[:, 0], expected)


def test_counts_and_slices_reach_the_report(make_rows, make_params, inputs, monkeypatch):
    """`evaluate.slices` may name the flag."""
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    monkeypatch.setattr(project, "model_rows", lambda raw: raw)
    raw = make_rows(300).drop(columns=list(split.RESERVED))
    raw.loc[0, "size"] = 900
    changes = {"prepare.outliers": {"size": "flag"}, "evaluate.slices": [outliers.OUTLIERS]}
    done = prepare.prepare(raw, make_params(changes=changes))
    assert done.rows.loc[0, outliers.OUTLIERS] == "size"
    assert sum(done.outliers[0].get(part, 0) for part in split.PARTS) == 1
