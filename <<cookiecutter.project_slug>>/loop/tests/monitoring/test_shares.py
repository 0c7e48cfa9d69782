"""Refused and failed requests against what may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_loop.daily.day import Day
from mlops_loop.monitoring.runs import examine_run
from mlops_loop.monitoring.shares import Allowed, watch_problems, watch_share

ALPHA = 1 / (365 * 60)
ALLOWED = Allowed(0.05, 0, ALPHA, 20)


def day(answered: int, refused: int = 0, failed: int = 0, **columns) -> Day:
    counts = {"rows": (answered, answered), "refused": (refused, failed)}
    return Day("2026-01-01", "f", counts | {f"refused:{n}": (k,) for n, k in columns.items()})


def verdict(days, kind: str = "refused"):
    dates = [f"2026-01-{i:02d}" for i in range(1, len(days) + 1)]
    return examine_run(watch_problems(days, kind, ALLOWED), dates)[0]


@given(
    n=st.integers(1, 5000), share=st.floats(0, 0.2), limit=st.sampled_from([0.02, 0.05]),
    alpha=st.sampled_from([0.05, ALPHA]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_day_is_tested_as_scipy_does(n, share, limit, alpha):
    """Outside exactly where the binomial test says so."""
    hits = np.array([round(n * share)])
    watched = watch_share("errors", hits, np.array([n]), Allowed(limit, 0, alpha, 1))
    p = stats.binomtest(int(hits[0]), n, limit, alternative="greater").pvalue
    assert watched.p[0] == pytest.approx(p)
    if not 0.98 < p / alpha < 1.02:
        assert (watched.values[0] > watched.high[0] + 1e-12) == (p < alpha)


def test_two_days_are_an_alarm():
    """Of requests that came, answered or not; each kind has its own share."""
    days = [day(900, 10, 5), day(800, 150, 50), day(700, 200, 100)]
    refused, errors = verdict(days), verdict(days, "errors")
    assert (refused.verdict, refused.value, refused.rows) == ("degraded", 0.2, 2000)
    assert (errors.verdict, errors.value) == ("ok", 0.1)  # the first of two days was within chance
    assert verdict([*days, day(700, 200, 100)], "errors").verdict == "degraded"
    assert verdict([day(900), day(900)]).verdict == "ok"


def test_a_day_on_which_all_fails_counts():
    """Nothing was answered."""
    assert verdict([day(0, 0, 500), day(0, 0, 500)], "errors").value == 1.0


def test_the_column_with_most_refused_values_is_named():
    """Of the days of the alarm."""
    days = [day(0, 100, size=999), day(0, 100, size=3, town=40), day(0, 100, size=3, town=50)]
    assert verdict(days).part == "town"


def test_what_cannot_tell_says_why():
    """A log that does not count, and few requests."""
    old = Day("2026-01-01", "f", {"rows": (900, 900)})
    assert verdict([day(900), old]).reason == "the log does not say: it is of an earlier version"
    assert verdict([day(900), day(3)]).reason == "3 requests of 20"
