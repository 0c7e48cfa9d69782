"""Frozen bins: every value has one place, and ranks are those of training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlops_loop.daily import bins
from mlops_loop.daily.bins import LevelBins, NumberBins

NUMBERS = st.lists(st.floats(-1e9, 1e9) | st.integers(0, 3).map(float), min_size=1, max_size=60)


@given(NUMBERS)
def test_training_has_the_mean_rank_of_a_half_and_nothing_outside(values):
    """Whatever the numbers are; without the usual value where there is one."""
    values = np.array(values)
    own = NumberBins.of(values)
    counts = np.bincount(own.places(values), minlength=own.n_counts)
    assert counts.sum() == len(values) == counts[1:].sum()
    assert counts[1] == counts[-1] == 0  # outside
    rest = counts[1:].astype(float)
    if own.usual_bin is not None:
        assert rest[own.usual_bin] == (values == own.usual).sum() > len(values) / 2
        rest[own.usual_bin] = 0
    if rest.any():
        assert rest @ own.ranks / rest.sum() == pytest.approx(0.5)


def test_the_ranks_are_those_of_the_field():
    """Middle ranks as scipy's percentileofscore, but for the width of a bin."""
    values = np.random.default_rng(0).exponential(size=5000)
    own = NumberBins.of(values)
    new = np.array([0.01, 0.3, 0.7, 2.0, 6.0])
    ranks = own.ranks[own.places(new) - 1]
    exact = [stats.percentileofscore(values, v, "mean") / 100 for v in new]
    np.testing.assert_allclose(ranks, exact, atol=0.5 / bins.N_BINS + 1e-9)


def test_what_is_farther_out_than_a_quarter_of_the_range_is_outside():
    """The limits themselves are inside."""
    own = NumberBins.of(np.arange(101.0))
    last = own.n_counts - 1
    assert own.places(np.array([-25.0, 125.0, np.nan])).tolist() == [2, last - 1, 0]
    assert own.places(np.array([-25.1, 125.1, np.inf])).tolist() == [1, last, last]


def test_a_number_that_is_mostly_one_value_gives_that_value_a_bin():
    """And no other value stands in it."""
    own = NumberBins.of(np.array([0.0] * 8 + [1e-300, 2.0]))
    assert own.usual == 0
    assert len({*own.places(np.array([-1e-300, 0.0, 1e-300]))}) == 3


def test_a_column_without_a_value_in_training_can_be_counted():
    """All numbers are in one bin."""
    assert NumberBins.of(np.array([np.nan])).places(np.array([1.0, np.nan])).tolist() == [1, 0]


def test_levels_are_missing_unknown_rare_or_named():
    """Rare ones are pooled; an empty text is missing."""
    own = LevelBins.of(["a"] * 150 + ["b"] * 50 + ["c"], ["a", "b", "c", "d"])
    assert own.named == ("a", "b")
    found = own.places([None, "", "new", "c", "d", "a", "b"]).tolist()
    assert found == [bins.MISSING, bins.MISSING, bins.UNKNOWN, bins.OTHER, bins.OTHER, 3, 4]


def test_no_more_levels_than_thirty_are_named():
    """The most frequent ones, and of equal ones the first by name."""
    names = [f"{i:02d}" for i in range(40)]
    assert LevelBins.of(names, names).named == tuple(names[: bins.MOST_LEVELS])


@pytest.mark.parametrize(
    "own",
    [NumberBins.of(np.array([0.1, 0.2, 0.2])), LevelBins.of(["a"], ["a", "b"])],
    ids=["n", "l"],
)
def test_bins_survive_their_file(own):
    """As they were."""
    assert bins.from_json(bins.as_json(own), ["a", "b"]) == own
