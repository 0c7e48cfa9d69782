"""The noise of a window: against simulated days, and scipy's distributions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlops_loop.daily.quantities import Series
from mlops_loop.daily.spread import Spread
from mlops_loop.monitoring.noise import Noise, inflation


def autoregressive(n_days: int, r: float, sd: float, rng: np.random.Generator) -> np.ndarray:
    """A first-order process with this standard deviation."""
    values = np.empty(n_days)
    values[0] = rng.normal(scale=sd)
    for i in range(1, n_days):
        values[i] = r * values[i - 1] + rng.normal(scale=sd * np.sqrt(1 - r * r))
    return values


def spread_of(means: np.ndarray, rows: float = 100, within: float = 0.0) -> Spread:
    many = np.full(len(means), float(rows))
    found = Spread.of(Series("level", "x", "", many, means, np.full(len(means), within)))
    assert found
    return found


@pytest.mark.parametrize(("r", "length"), [(0.0, 7), (0.5, 7), (0.8, 28)])
def test_inflation_is_that_of_simulated_windows(r, length):
    """The variance of a mean of neighbours, over that of independent days."""
    rng = np.random.default_rng(0)
    means = [autoregressive(length, r, 1.0, rng).mean() for _ in range(8000)]
    assert inflation(r, length) == pytest.approx(length * np.var(means), rel=0.06)


@pytest.mark.parametrize("rows", [20, 100, 2000])
def test_the_error_is_that_of_days_with_more_or_fewer_rows_than_training(rows):
    """Days differ by 0.05, rows by 0.5; training had 100 rows a day, and 300 days."""
    rng = np.random.default_rng(1)

    def days(n: int, per_day: float) -> np.ndarray:
        return 0.5 + rng.normal(scale=0.05, size=n) + rng.normal(scale=0.5 / per_day**0.5, size=n)

    noise = Noise.of(spread_of(days(300, 100), 100, 0.25), "day")
    seen = [days(7, rows).mean() for _ in range(4000)]
    assert noise.standard_error(np.full(7, rows)) == pytest.approx(np.std(seen), rel=0.12)


def test_a_window_of_a_correlated_process_alarms_as_often_as_it_says():
    """At alpha 0.05, over training sets and windows that were drawn anew: 0.03 to 0.08."""
    rng, alarms = np.random.default_rng(2), []
    for _ in range(1500):
        days = autoregressive(87, 0.5, 0.05, rng)
        noise = Noise.of(spread_of(days[:60]), "day")
        error = noise.standard_error(np.full(7, 100))
        alarms.append(noise.p_value(days[-7:].mean() - noise.mean, error, sides=2) < 0.05)
    assert 0.03 < np.mean(alarms) < 0.08


def test_days_that_are_alike_tell_less_of_how_days_differ():
    """The variance of s2 of 60 days is 2 / freedom of its square; of independent ones or not."""
    rng = np.random.default_rng(4)
    for r in (0.0, 0.6):
        drawn = np.array([autoregressive(60, r, 1.0, rng).var(ddof=1) for _ in range(4000)])
        implied = 2 * drawn.mean() ** 2 / drawn.var()
        spread = replace(spread_of(rng.normal(size=60)), correlation=r, within=0.0)
        assert Noise.of(spread, "day").freedom == pytest.approx(implied, rel=0.2)


@given(st.floats(1e-6, 0.1), st.sampled_from([1, 2]), st.floats(2, 200))
def test_the_reach_is_where_p_is_alpha(alpha, sides, freedom):
    """And both are Student's, as scipy.stats has them."""
    noise = Noise(0.5, 0.0, 0.0, 0.0, freedom, 0.0)
    reach = noise.reach(0.2, alpha, sides)
    assert noise.p_value(reach, 0.2, sides) == pytest.approx(alpha, rel=1e-6)
    assert reach == pytest.approx(0.2 * stats.t.isf(alpha / sides, freedom), rel=1e-6)


def test_a_mean_without_noise_alarms_for_anything_else():
    """A constant has no error; below it nothing alarms on one side."""
    noise = Noise(0.5, 0.0, 0.0, 0.0, 10, 0.0)
    assert [noise.p_value(d, 0.0, 1) for d in (-0.1, 0.0, 0.1)] == [1.0, 1.0, 0.0]
    assert noise.p_value(-0.1, 0.0, 2) == 0.0


def test_without_days_all_noise_is_that_of_rows():
    """Blocks of 50 rows with a standard deviation of 0.07: 0.035 for 200 rows."""
    means = np.random.default_rng(3).normal(0.5, 0.07, size=500)
    noise = Noise.of(spread_of(means, rows=50, within=0.1), "block")
    assert noise.standard_error(np.array([200])) == pytest.approx(0.035, rel=0.1)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=28).filter(any))
def test_a_day_without_rows_has_no_weight(rows):
    """The weights of the others sum to 1, and more rows weigh no less."""
    weights = Noise(0.5, 0.001, 0.2, 0.0, 10, 0.0).weights(np.array(rows))
    assert weights.sum() == pytest.approx(1)
    assert (weights[np.array(rows) == 0] == 0).all()
    assert (np.diff(weights[np.argsort(rows)]) >= -1e-12).all()
