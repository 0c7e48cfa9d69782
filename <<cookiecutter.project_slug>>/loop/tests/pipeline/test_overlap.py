"""Rows that repeat by chance are told from rows that came twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop import errors
from mlops_loop.pipeline import overlap, prepare, split

LEVELS = st.lists(st.integers(2, 20), min_size=1, max_size=5)


def drawn(levels: list[int], n: int, rng, dependent: bool = False) -> pd.DataFrame:
    """Independent rows of columns with uneven levels; or each column depends on the one before."""
    table: dict[str, np.ndarray] = {}
    before = np.zeros(n, dtype=int)
    for i, k in enumerate(levels):
        own = rng.choice(k, n, p=rng.dirichlet(np.ones(k)))
        table[f"c{i}"] = np.where(rng.random(n) < 0.8, before % k, own) if dependent and i else own
        before = table[f"c{i}"]
    return pd.DataFrame(table)


def both(rows: pd.DataFrame, rng) -> tuple[float, overlap.Chance]:
    """The share that is there, and the one by chance."""
    held = pd.Series(rng.random(len(rows)) < 0.3)
    parts = held.map({True: "holdout", False: "train"})
    names = list(rows.columns)
    return split.overlap(rows, parts, names), overlap.by_chance(rows, held, names)


@given(LEVELS, st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_formula_is_what_a_simulation_gives(levels, dependent, seed):
    """The mean of ten draws of independent rows; too little where pairs of values are rare."""
    shares = []
    for i in range(10):
        rng = np.random.default_rng([seed, i])
        found, chance = both(drawn(levels, 2000, rng, dependent), rng)
        shares.append((found, chance.share))
    found, expected = np.mean(shares, axis=0)
    assert found - (0.12 if dependent else 0.05) < expected < found + 0.03


@pytest.mark.parametrize(
    ("levels", "dependent"),
    [([7, 5, 2, 2], False), ([7, 5, 2, 2], True), ([12, 31, 24], False), ([9, 4, 6], True)],
    ids=str,
)
def test_rows_that_repeat_by_chance_are_within_it(levels, dependent):
    """Of a thousand tables nearly all: here of two hundred at most two are beyond."""
    beyond = 0
    for i in range(200):
        rng = np.random.default_rng(i)
        found, chance = both(drawn(levels, 600, rng, dependent), rng)
        beyond += found > chance.upper + 0.01
    assert beyond <= 2


def test_a_column_that_another_one_gives_changes_nothing():
    """The distance of a destination says nothing new of a row."""
    rng = np.random.default_rng(1)
    rows = drawn([30, 12, 5], 3000, rng)
    once = both(rows, np.random.default_rng(2))
    twice = both(rows.assign(same=rows["c0"] * 7.5, again=rows["c0"]), np.random.default_rng(2))
    assert once[0] == twice[0] > 0.5
    assert twice[1].share == pytest.approx(once[1].share, abs=0.01)


def test_fine_columns_explain_nothing():
    """Two rows for each value are no coarse column: rows that came twice look like that."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"a": rng.random(400), "b": rng.random(400), "c": rng.integers(0, 3, 400)})
    found, chance = both(pd.concat([rows, rows], ignore_index=True), rng)
    assert found > 0.6
    assert chance.upper < 0.01


def test_missing_values_are_values():
    """As in the comparison of rows."""
    rng = np.random.default_rng(1)
    rows = drawn([4, 3], 500, rng).astype(float).astype(object)
    rows = rows.mask(rng.random(rows.shape) < 0.5, None)
    found, chance = both(rows, rng)
    assert found == pytest.approx(chance.share, abs=0.02)


@pytest.fixture
def coarse(make_rows) -> pd.DataFrame:
    """Five hundred rows of few values, each drawn by itself."""
    rows = make_rows(500).drop(columns=list(split.RESERVED))
    return rows.assign(size=rows["size"].round(-1), town="here")


@pytest.mark.usefixtures("rows_as_they_are")
def test_a_table_of_coarse_columns_is_not_refused(coarse, make_params):
    """Though much of its holdout equals rows of training; the report has what chance gives."""
    done = prepare.prepare(coarse, make_params())
    assert done.overlap > 0.5
    assert done.overlap_by_chance == pytest.approx(done.overlap, abs=0.1)


@pytest.mark.usefixtures("rows_as_they_are")
def test_rows_that_came_twice_are_more_than_chance(make_rows, make_params):
    """Under other ids, in columns that are fine enough to tell."""
    rows = make_rows(500).drop(columns=list(split.RESERVED))
    twice = pd.concat([rows, rows[:200].assign(id=rows["id"] + 1000)], ignore_index=True)
    reason = r"% of the holdout equals .* by chance it would be \d+\.\d%; .*1\.0% more \(split\.max"
    with pytest.raises(errors.DataRefused, match=reason):
        prepare.prepare(twice, make_params())
