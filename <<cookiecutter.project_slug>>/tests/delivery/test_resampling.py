"""Intervals by the bootstrap, against formulas, scipy and DeLong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from <<cookiecutter.__package_name>>.contract import Contract
from <<cookiecutter.__package_name>>.delivery import resampling, weighted
from <<cookiecutter.__package_name>>.pipeline import metrics

LATE = Contract("classification", "late", (), ("no", "yes"))
DELAY = Contract("regression", "delay", ())
AUC = metrics.find("classification", "roc_auc")
MAE = metrics.find("regression", "mae")
BOOTSTRAP = resampling.Bootstrap(resamples=1500, seed=7, confidence=0.95)
QUICK = dataclasses.replace(BOOTSTRAP, resamples=200)


def pair(n_rows, seed=0, noise=0.5):
    """Two classifiers of the same rows, the second noisier."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < 0.3).astype(int)
    first = y + rng.normal(0, 1.2, n_rows)
    both = [1 / (1 + np.exp(-z)) for z in (first, first + rng.normal(0, noise, n_rows))]
    return [weighted.Sample(y, np.column_stack([1 - p, p]), LATE) for p in both]


def delays(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 30, n_rows)
    return [weighted.Sample(y, y + rng.normal(0, 20, n_rows), DELAY) for _ in range(2)]


def half(interval):
    return (interval.high - interval.low) / 2


def delong_error(new, old):
    """Standard error of a difference of paired AUCs (DeLong, DeLong and Clarke-Pearson 1988)."""
    hits, misses = [], []
    for sample in (new, old):
        positive, negative = (sample.scores[sample.y == k, 1] for k in (1, 0))
        better = (positive[:, None] > negative) + (positive[:, None] == negative) / 2
        hits.append(better.mean(axis=1))
        misses.append(better.mean(axis=0))
    parts = [np.var(values[0] - values[1], ddof=1) / len(values[0]) for values in (hits, misses)]
    return np.sqrt(sum(parts))


def test_auc_gain_agrees_with_delong():
    """Two independent ways to the same standard error."""
    new, old = pair(2000)
    expected = 1.96 * delong_error(new, old)
    assert half(BOOTSTRAP.gain(AUC, new, old)) == pytest.approx(expected, rel=0.06)


def test_mae_gain_agrees_with_the_formula_of_a_mean():
    """The gain in MAE is a mean of differences: 1.96 s / sqrt(n)."""
    new, old = delays(1500)
    differences = np.abs(old.y - old.scores) - np.abs(new.y - new.scores)
    gain = BOOTSTRAP.gain(MAE, new, old)
    assert gain.estimate == pytest.approx(differences.mean())
    assert half(gain) == pytest.approx(1.96 * stats.sem(differences), rel=0.06)


def test_an_interval_agrees_with_scipy():
    """scipy.stats.bootstrap draws other resamples of the same rows."""
    sample = delays(500)[0]
    theirs = stats.bootstrap(
        (sample.y, sample.scores), lambda y, s, axis: np.abs(y - s).mean(axis=axis),
        paired=True, method="percentile", n_resamples=2000, random_state=1,
    )  # fmt: skip
    ours = BOOTSTRAP.metric(MAE, sample)
    assert half(ours) == pytest.approx(1.96 * theirs.standard_error, rel=0.08)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), rel=0.02)


def test_groups_of_their_own_add_up_their_variances():
    """The difference of two independent groups has the sum of both variances."""
    one, other = delays(400, seed=1)[0], delays(600, seed=2)[0]
    parts = [half(BOOTSTRAP.metric(MAE, part)) for part in (one, other)]
    assert half(BOOTSTRAP.difference(MAE, one, other)) == pytest.approx(np.hypot(*parts))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(sorted(metrics.METRICS["classification"])))
def test_intervals_contain_their_estimate(seed, name):
    """In the middle, for every metric, on any rows."""
    metric = metrics.find("classification", name)
    gain = QUICK.gain(metric, *pair(80, seed))
    assert gain.low <= gain.estimate <= gain.high


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_gains_are_symmetric(seed):
    """What one gains the other loses; the draws differ, so the widths agree only about."""
    new, old = pair(120, seed)
    there, back = QUICK.gain(AUC, new, old), QUICK.gain(AUC, old, new)
    assert there.estimate == pytest.approx(-back.estimate)
    assert half(there) == pytest.approx(half(back), rel=0.5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_identical_models_gain_exactly_nothing(seed):
    """The draws are paired: no noise is left between a model and itself."""
    gain = QUICK.gain(AUC, *[pair(90, seed)[1]] * 2)
    assert (gain.estimate, gain.low, gain.high) == (0, 0, 0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_is_irrelevant(seed):
    """Not about: to the last digit."""
    models = pair(90, seed)
    order = np.random.default_rng(seed).permutation(90)
    assert QUICK.gain(AUC, *[model.take(order) for model in models]) == QUICK.gain(AUC, *models)


def test_a_larger_family_widens_intervals():
    """Bonferroni: twenty intervals at 95 % together are each at 99.75 %."""
    sample = delays(300)[0]
    ratio = half(QUICK.metric(MAE, sample, family=20)) / half(QUICK.metric(MAE, sample))
    assert ratio == pytest.approx(stats.norm.ppf(1 - 0.025 / 20) / stats.norm.ppf(0.975))


@pytest.mark.parametrize("n_rows", [0, 1])
def test_rows_that_define_no_metric_give_no_interval(n_rows):
    """NaN, never an error."""
    new, old = (model.take(np.arange(n_rows)) for model in pair(10))
    assert not QUICK.gain(AUC, new, old).defined


def test_different_rows_cannot_be_compared():
    """A pair has one length."""
    new, old = pair(50)
    with pytest.raises(ValueError, match="50 rows of one model, 40 of the other"):
        QUICK.gain(AUC, new, old.take(np.arange(40)))


def test_rows_to_decide_is_where_the_interval_is_narrow_enough():
    """Four times the rows halve the interval."""
    interval = resampling.Interval(0.0, -0.02, 0.02, 1000)
    assert resampling.rows_to_decide(interval, 0.02) == 4000
    assert resampling.rows_to_decide(interval, 0.08) == 1000
    assert resampling.rows_to_decide(resampling.Interval(0, np.nan, np.nan, 10), 0.1) is None


def test_rows_to_decide_holds_on_real_rows():
    """An interval from that many rows is about as wide as was foretold."""
    few = BOOTSTRAP.gain(AUC, *pair(1000, seed=3))
    needed = resampling.rows_to_decide(few, half(few))
    many = BOOTSTRAP.gain(AUC, *pair(needed, seed=4))
    assert 2 * half(many) == pytest.approx(half(few), rel=0.15)
