"""Slow requests of a day against what the gate's budget allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_loop.daily.day import LATENCIES_MS, Day
from mlops_loop.monitoring.latency import ALLOWED, watch_latency
from mlops_loop.monitoring.runs import examine_run
from mlops_loop.monitoring.shares import Allowed

ALPHA = 1 / (365 * 60)
DATES = [f"2026-01-{i:02d}" for i in range(1, 11)]


def day(slow: int, fast: int, place: int = 5) -> Day:
    """slow: requests above 50 ms; place: of the limit up to which the fast ones are."""
    counts = [0] * (len(LATENCIES_MS) + 1)
    counts[place], counts[6] = fast, slow
    return Day("2026-01-01", "f", {"latency_ms": tuple(counts)})


def verdict(days, budget=50.0, alpha=ALPHA, material=0.05, least=20):
    watched = watch_latency(days, budget, Allowed(ALLOWED, material, alpha, least))
    return examine_run(watched, DATES[: len(days)])[0]


@given(n=st.integers(1, 3000), share=st.floats(0, 0.3), alpha=st.sampled_from([0.05, 1e-3, ALPHA]))
@settings(max_examples=100, deadline=None)
def test_the_test_of_a_day_is_that_of_scipy(n, share, alpha):
    """The p-value, and the share up to which it is above alpha."""
    slow = round(n * share)
    watched = watch_latency([day(slow, n - slow)], 50, Allowed(ALLOWED, 1e-9, alpha, 1))
    p = stats.binomtest(slow, n, 0.05, alternative="greater").pvalue
    assert watched.p[0] == pytest.approx(p)
    if not 0.98 < p / alpha < 1.02:
        assert (watched.values[0] > watched.high[0] + 1e-12) == (p < alpha and slow / n > 0.05)


def test_ordinary_days_keep_to_the_alarms_a_year():
    """Where exactly 5 % are slow, days rise above the limit no more often than alpha."""
    slow = np.random.default_rng(0).binomial(500, 0.05, size=20_000)
    days = [day(int(k), 500 - int(k)) for k in slow]
    watched = watch_latency(days, 50, Allowed(ALLOWED, 1e-9, 0.01, 20))
    assert 0.002 < (watched.values > watched.high).mean() <= 0.0105


@pytest.mark.parametrize(("last", "result"), [
    ([50, 50], "ok"), ([50, 300], "ok"), ([300, 300], "degraded"), ([90, 90], "ok"), ([0, 0], "ok"),
])  # fmt: skip
def test_two_slow_days_are_an_alarm(last, result):
    """One is none; 9 % is certain, and does not matter; none slow is never one."""
    found = verdict([day(slow, 1000 - slow) for slow in [50, 50, *last]])
    assert (found.verdict, found.expected, found.material) == (result, 0.05, 0.05)
    assert found.value == last[-1] / 1000


@pytest.mark.parametrize(
    ("budget", "slow"), [(50, 0.5), (20, 1.0), (21, 0.5), (100, 0.0), (9e9, 0)]
)
def test_a_budget_between_two_limits_is_the_upper_one(budget, slow):
    """What is counted as slow surely was: half took 20 to 50 ms, half 50 to 100."""
    assert verdict([day(50, 50)], budget).value == slow


def test_what_cannot_tell_says_why():
    """No budget, no latency as in a replay, few requests."""
    assert verdict([day(5, 500)], None).reason == "gate.yaml has no budget"
    assert verdict([Day("2026-01-01", "f")]).reason == "0 requests with a latency of 20"
    assert verdict([day(3, 10)]).verdict == "unknown"
