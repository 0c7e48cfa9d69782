"""Shares and differences of shares, against scipy and published examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_loop.statistics import bootstrap, share_intervals


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 300), data=st.data(), level=st.sampled_from([0.9, 0.95, 0.9999]))
def test_shares_agree_with_scipy(n, data, level):
    """Both formulas, from no hit to nothing but hits, far into the tails."""
    hits, tail = data.draw(st.integers(0, n)), (1 - level) / 2
    theirs = stats.binomtest(hits, n)
    exact = share_intervals.exact(np.array(hits / n), np.array(n), tail)
    assert exact == pytest.approx(tuple(theirs.proportion_ci(level, "exact")), abs=1e-9)
    score = share_intervals.wilson(hits / n, n, stats.norm.isf(tail))
    assert score == pytest.approx(tuple(theirs.proportion_ci(level, "wilson")), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [
        ((56, 48), (70, 80), 0.0524, 0.3339),
        ((9, 3), (10, 10), 0.1705, 0.8090),
        ((6, 2), (7, 7), 0.0582, 0.8062),
        ((5, 0), (56, 29), -0.0381, 0.1926),
        ((0, 0), (10, 20), -0.1611, 0.2775),
        ((10, 0), (10, 20), 0.6791, 1.0),
    ],
)
def test_differences_of_groups_are_those_that_newcombe_published(hits, rows, low, high):
    """Table II, method 10 of Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873."""
    shares = [h / n for h, n in zip(hits, rows, strict=True)]
    bounds = [share_intervals.wilson(p, n, 1.959964) for p, n in zip(shares, rows, strict=True)]
    parts = [
        bootstrap.Interval(p, *map(float, b), n)
        for p, b, n in zip(shares, bounds, rows, strict=True)
    ]
    gap = parts[0].minus(parts[1])
    assert (gap.low, gap.high) == pytest.approx((low, high), abs=1e-4)
