"""Columns give the rows, the codes and the refusals that `RowReader` gives the same rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.inference.by_column import ColumnReader
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.inference.rows import RowReader
from mlops_loop.model.contract import Column, Contract

CONTRACT = Contract(
    "regression",
    "y",
    (
        Column("temp", "number", True, -60, 130),
        Column("day", "integer", minimum=0, maximum=6),
        Column("origin", "category", levels=("EWR", "JFK"), closed=True),
        Column("dest", "category", True, levels=("BOS",), pattern="[A-Z]{3}"),
        Column("holiday", "boolean", nullable=True),
    ),
)
MOST = 5
ROWS = RowReader(CONTRACT, MOST)
COLUMNS = ColumnReader(ROWS, MOST)

any_value = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 8), st.floats(-70, 140), st.just(float("inf")),
    st.sampled_from(["EWR", "JFK", "BOS", "LAX", "", "x", "4"]), st.just([1]),
)  # fmt: skip
good = {
    "temp": st.one_of(st.none(), st.floats(-60, 130)),
    "day": st.integers(0, 6),
    "origin": st.sampled_from(["EWR", "JFK"]),
    "dest": st.one_of(st.none(), st.sampled_from(["BOS", "LAX"])),
    "holiday": st.one_of(st.none(), st.booleans()),
}


@st.composite
def tables(draw):
    """Columns of one length: good ones, some of anything, some left out, some unknown."""
    n = draw(st.integers(0, MOST + 1))
    names = draw(st.lists(st.sampled_from([*good, "other"]), unique=True, max_size=6))
    wild = draw(st.sets(st.sampled_from([*good, "other"]), max_size=1))
    values = {name: any_value if name in wild | {"other"} else good[name] for name in names}
    return {name: draw(st.lists(value, min_size=n, max_size=n)) for name, value in values.items()}


def by_rows(table):
    """What the endpoint says of the same rows."""
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    checked = ROWS.check(rows)
    return checked, CONTRACT.encode_rows(checked)


def outcome(read, table):
    """What a reader gives, or the error that it raises."""
    try:
        return read(table)
    except RowsRefused as error:
        return error


@given(tables())
def test_columns_are_as_rows(table):
    """Accepted with the same values and codes, or refused with the same errors."""
    expected, found = outcome(by_rows, table), outcome(COLUMNS.read, table)
    if isinstance(expected, RowsRefused):
        assert (found.errors, found.total) == (expected.errors, expected.total)
        return
    rows, matrix = expected
    assert found.rows() == rows
    assert len(found) == len(rows)
    np.testing.assert_array_equal(found.matrix, matrix)


@given(st.fixed_dictionaries({name: st.lists(good[name], min_size=3, max_size=3) for name in good}))
def test_good_columns_need_no_rows(table):
    """The way by rows is only for what is refused."""
    assert COLUMNS._checked(table) is not None
