"""Numbers: out of a column, and as they are shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop import errors, tasks
from mlops_loop.stage_params import Target

TASK = tasks.find("regression")
TARGETS = [
    pd.Series([1, None, 2.5]),
    pd.Series(["1", None, "2.5"]),
    pd.Series([1, None, 3], dtype="Int64"),
]


@pytest.mark.parametrize("values", TARGETS, ids=["number", "text", "integers"])
def test_targets_are_float(values):
    """Missing stays missing."""
    found = TASK.make_target(pd.DataFrame({"y": values}), Target(column="y"))
    assert found.dtype == float
    np.testing.assert_array_equal(found, [1.0, np.nan, float(values.iloc[2])])


@pytest.mark.parametrize("bad", ["many", np.inf], ids=str)
def test_a_target_that_is_no_number_is_refused(bad):
    """The message shows column and value."""
    rows = pd.DataFrame({"y": pd.Series([1, bad], dtype=object)})
    with pytest.raises(errors.DataRefused, match=f"'y' is no number .*{bad}"):
        TASK.make_target(rows, Target(column="y"))


def test_the_contract_has_the_unit():
    """And no classes."""
    facts = TASK.contract_facts(pd.Series([1.0, 2.0]), Target(column="y", unit="min"))
    assert facts == {"target_unit": "min"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (12.345, "12.3"), (-0.001234, "-0.00123"), (98765.4, "98,765"), (9.996, "10")],
)
def test_numbers_for_reading(make_contract, value, shown):
    """Three significant digits, and no more than a reader needs; with the unit."""
    headline = TASK.headline({"prediction": value}, make_contract("regression"))
    assert headline == f"{shown} EUR"
