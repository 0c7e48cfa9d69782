"""Rows of a day against the same weekday of the weeks before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_loop.monitoring.runs import examine_run
from mlops_loop.monitoring.volume import GAP, REFERENCE, usual, watch_volume

WEEK = np.array([1.0, 1.1, 1.0, 0.9, 1.2, 0.4, 0.3])
ALPHA = 1 / (365 * 60)


def counts(n_days: int, mean: float, between: float, seed: int) -> np.ndarray:
    """Negative binomial rows of days with a weekly pattern; between: relative sd of their rates."""
    rng = np.random.default_rng(seed)
    rates = mean * WEEK[np.arange(n_days) % 7] * rng.gamma(between**-2, between**2, n_days)
    return rng.poisson(rates).astype(float)


def verdict(rows, alpha: float = ALPHA, material: float = 0.5, least: int = 20):
    dates = [str(np.datetime64("2026-01-01") + n) for n in range(len(rows))]
    return examine_run(watch_volume(np.asarray(rows, float), alpha, material, least), dates)


@given(seed=st.integers(0, 1000), n=st.integers(21, 28))
@settings(max_examples=25, deadline=None)
def test_the_limits_are_those_of_a_new_observation_by_least_squares(seed, n):
    """Regression on weekdays by numpy, with the variance of a prediction, and t by scipy."""
    known = counts(n, 3000, 0.2, seed)
    weekday = np.eye(7)[np.arange(n) % 7]
    y = np.log(known + 0.5)
    beta, residual, *_ = np.linalg.lstsq(weekday, y, rcond=None)
    new = np.eye(7)[(n + GAP) % 7]
    variance = residual[0] / (n - 7) * (1 + new @ np.linalg.inv(weekday.T @ weekday) @ new)
    found = usual(known)
    assert found.centre == pytest.approx(new @ beta)
    assert found.error == pytest.approx(np.sqrt(variance))
    rows = np.append(known, counts(n + GAP + 1, 3000, 0.2, seed)[n:])
    watched = watch_volume(rows, 0.01, 1e-9, 0)
    t = stats.t(n - 7, found.centre, found.error)
    assert np.log(watched.low[-1] + 0.5) == pytest.approx(t.ppf(0.005))
    assert np.log(watched.high[-1] + 0.5) == pytest.approx(t.ppf(0.995))
    logged = np.log(rows[-1] + 0.5)
    assert watched.p[-1] == pytest.approx(2 * min(t.cdf(logged), t.sf(logged)))


@pytest.mark.parametrize(("mean", "between"), [(40, 0.1), (300, 0.15), (5000, 0.1), (5000, 0.3)])
def test_ordinary_days_keep_to_the_alarms_a_year(mean, between):
    """Forty years with one alarm a year allowed and any shift material; days rise above alpha
    about as often as they may, and two in a row hardly ever."""
    rows = counts(40 * 365, mean, between, seed=1)
    starts = range(REFERENCE + GAP, len(rows), REFERENCE)
    parts = [watch_volume(rows[max(0, end - 2 * REFERENCE) : end], 1 / 365, 1e-9, 0)
             for end in starts]  # fmt: skip
    outside = np.concatenate(
        [((p.values > p.high) | (p.values < p.low))[-REFERENCE:] for p in parts[1:]]
    )
    years = len(outside) / 365
    assert outside.sum() < 2.5 * years
    pairs = (outside[1:] & outside[:-1]).sum()
    assert pairs <= years / 10


@pytest.mark.parametrize(("factor", "sees"), [(0.3, True), (3.5, True), (0.7, False), (1.4, False)])
def test_what_is_seen_is_a_loss_of_half_or_twice_as_many(factor, sees):
    """On the second day, and for a week."""
    rows = counts(60, 1000, 0.1, seed=2)
    rows[50:] = np.rint(rows[50:] * factor)
    found = [verdict(rows[: n + 1])[0].verdict for n in range(50, 57)]
    assert found == ["ok"] + ["degraded" if sees else "ok"] * 6
    assert verdict(rows[:57])[1] == ("2026-02-20" if sees else "2026-02-26")


def test_a_holiday_is_no_alarm():
    """One day of few rows."""
    rows = counts(50, 1000, 0.1, seed=3)
    rows[-1] = 40
    assert verdict(rows)[0].verdict == "ok"
    rows[-2] = 40
    assert verdict(rows)[0].verdict == "degraded"


def test_sundays_without_rows_are_usual():
    """Nobody works then; a hundred rows on one are not usual, a few do not matter."""
    rows = counts(63, 1000, 0.1, seed=4)
    rows[5::7] = rows[6::7] = 0
    assert [verdict(rows[:n])[0].verdict for n in (59, 60, 61)] == ["ok"] * 3
    assert verdict(rows[:63])[0].reason == "no row at all: see traffic"
    rows[61:] = 10
    assert verdict(rows)[0].verdict == "ok"
    rows[61:] = 300
    assert verdict(rows)[0].verdict == "degraded"


def test_a_short_history_is_unknown():
    """Days before the first row do not count."""
    rows = np.concatenate([np.zeros(40), counts(28, 1000, 0.1, seed=5)])
    check, _ = verdict(rows)
    assert (check.verdict, check.smallest) == ("unknown", None)
    assert check.reason == "28 days with rows are known, 29 are needed"
    assert verdict(np.append(rows, 1000))[0].verdict == "ok"


@given(factor=st.floats(0.05, 20), seed=st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_the_smallest_shift_that_can_be_seen_is_seen(factor, seed):
    """A second day outside of the band is an alarm, and one inside never."""
    rows = counts(50, 800, 0.15, seed)
    rows[-2:] = np.rint(rows[-2:] * factor)
    watched = watch_volume(rows, ALPHA, 0.5, 20)
    outside = (rows[-2:] > watched.high[-2:]).all() or (rows[-2:] < watched.low[-2:]).all()
    check, _ = verdict(rows)
    assert (check.verdict == "degraded") == outside
    assert check.smallest >= 0.5 * check.expected - 1
