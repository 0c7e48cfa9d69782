"""Made rows hold what a client may send and nothing that the contract refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.model.contract import UNSEEN, Column, Contract
from mlops_loop.pipeline import probes

NUMBER = Column("a", "number", nullable=True)
CLOSED = Column("b", "category", levels=("x", "y"), closed=True)
OPEN = Column("c", "category", nullable=True, levels=("x",))
RANGED = Column("d", "number", minimum=-1, maximum=9)
COUNT = Column("e", "integer", minimum=0)
FLAG = Column("f", "boolean")
ALL = (NUMBER, CLOSED, OPEN, RANGED, COUNT, FLAG)
FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)


def contract(*columns: Column) -> Contract:
    return Contract("regression", "t", columns)


def rows(n: int, seed: int = 0) -> np.ndarray:
    """Rows of `ALL`, complete."""
    rng = np.random.default_rng(seed)
    kinds = [rng.normal(3, 1, n), rng.integers(0, 2, n), np.zeros(n), rng.uniform(0, 8, n)]
    kinds += [rng.integers(2, 7, n), rng.integers(0, 2, n)]
    return np.column_stack(kinds).astype(np.float32)


def test_each_kind_of_a_small_table():
    """One held-out row of three columns; a closed category is never unseen."""
    x = np.array([[1, 0, 0]], np.float32)
    found = probes.make_probes(x, contract(NUMBER, CLOSED, OPEN))
    expected = {
        probes.MISSING: [[np.nan, 0, 0], [1, 0, 1]],
        probes.UNSEEN_LEVEL: [[1, 0, UNSEEN]],
        probes.SEVERAL: [[np.nan, 0, UNSEEN]],
        probes.LEVEL: [[1, 0, 0], [1, 1, 0], [1, 0, 0]],
        probes.END: [[0, 0, 0], [2, 0, 0]],
        probes.ZERO: [[0, 0, 0]],
    }
    assert list(found) == list(expected)
    for kind, made in expected.items():
        np.testing.assert_array_equal(found[kind], made, kind)


def test_a_table_that_allows_nothing_else_has_no_probes_but_its_levels():
    """No column may be missing or unseen, none is a number."""
    assert list(probes.make_probes(np.zeros((3, 1), np.float32), contract(CLOSED))) == [
        probes.LEVEL
    ]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        (RANGED, [0.0, 5], (-1, 9)),
        (NUMBER, [2.0, 5], (-1, 8)),
        (NUMBER, [2.0], (1, 3)),
        (NUMBER, [np.nan], (-1, 1)),
        (COUNT, [2.0, 5], (0, 8)),
        (FLAG, [1.0], (0, 1)),
        (Column("g", "number", clip=(0.5, 4.5)), [1.0, 4], (0.5, 4.5)),
        (Column("g", "number", minimum=3, clip=(0.5, 4.5)), [1.0, 4], (3, 4.5)),
        (Column("g", "number", maximum=1e300), [0.0], (-1, np.finfo(np.float32).max)),
    ],
    ids=["range", "none", "one value", "no value", "one end", "boolean", "clip", "both", "wide"],
)
def test_a_range_ends_where_the_contract_says(column, values, expected):
    """Without an end, as far beyond the held-out rows as they reach."""
    assert probes.number_range(column, np.array(values, np.float32)) == expected


@pytest.mark.parametrize("n_columns", [1, 3, 700, 3000])
def test_many_columns_get_fewer_rows_each(n_columns):
    """So that a wide table takes seconds as well."""
    wide = contract(*[Column(f"c{i}", "number", nullable=True) for i in range(n_columns)])
    x = np.random.default_rng(0).random((90, n_columns)).astype(np.float32)
    found = probes.make_probes(x, wide)
    counts = {kind: len(made) for kind, made in found.items()}
    assert counts[probes.MISSING] == min(n_columns, probes.MOST) * max(
        1, min(probes.ROWS, probes.MOST // min(n_columns, probes.MOST))
    )
    assert max(counts.values()) <= probes.MOST


def test_the_same_rows_give_the_same_probes():
    """Nothing is drawn by chance that differs from run to run."""
    x, whole = rows(200), contract(*ALL)
    one, two = (probes.make_probes(x, whole) for _ in range(2))
    for kind in one:
        np.testing.assert_array_equal(one[kind], two[kind])
    jump = step_at(3.5, 0)
    np.testing.assert_array_equal(*(probes.beside_cuts(jump, x, whole) for _ in range(2)))


def step_at(cut: float, column: int) -> probes.Scores:
    """A model whose score is 1 for what is above the cut."""
    return lambda x: (x[:, column].astype(float) > cut).astype(float)


@given(FLOATS)
def test_the_neighbours_of_a_cut_are_found(cut):
    """The number itself, wherever it is between the ends of the range."""
    around = Column("a", "number", minimum=cut - abs(cut) - 1, maximum=cut + abs(cut) + 1)
    x = np.full((5, 1), np.float32(cut))
    found = set(probes.beside_cuts(step_at(cut, 0), x, contract(around))[:, 0].tolist())
    expected = [np.float32(cut), np.nextafter(np.float32(cut), np.float32(np.inf))]
    assert {float(v) if abs(v) >= probes.TINY else 0.0 for v in expected} <= found


def test_integers_stay_integers():
    """Nobody can send 3.5 there; the whole numbers around it are asked."""
    found = probes.beside_cuts(step_at(3.5, 4), rows(50), contract(*ALL))
    np.testing.assert_array_equal(found[:, 4], np.rint(found[:, 4]))
    assert {3, 4} <= set(found[:, 4].tolist())


def test_rows_beside_a_cut_keep_to_the_contract():
    """Their number is within the range, every other column is as it was."""
    x, whole = rows(50), contract(*ALL)
    found = probes.beside_cuts(step_at(8.9999, 3), x, whole)
    assert len(found) <= 4 * probes.PAIRS
    assert found[:, 3].min() >= -1
    assert found[:, 3].max() <= 9
    known = {tuple(row) for row in x.tolist()}
    changed = [
        sum(a != b for a, b in zip(row, near, strict=True))
        for row in found.tolist()
        for near in [min(known, key=lambda k: sum(a != b for a, b in zip(row, k, strict=True)))]
    ]
    assert max(changed) == 1


def test_a_table_without_numbers_has_no_cut():
    """Categories have levels, and booleans two values."""
    x = rows(5)[:, [1, 5]]
    assert probes.beside_cuts(step_at(0.5, 0), x, contract(CLOSED, FLAG)).shape == (0, 2)
