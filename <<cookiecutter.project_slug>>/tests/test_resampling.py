"""Intervals by the bootstrap, against formulas, scipy and DeLong; metrics of many resamples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from <<cookiecutter.__package_name>> import metrics, resampling
from <<cookiecutter.__package_name>>.contract import Contract

LATE = Contract("classification", "late", (), ("no", "yes"))
DELAY = Contract("regression", "delay", ())
AUC = metrics.find("classification", "roc_auc")
MAE = metrics.find("regression", "mae")
BOOTSTRAP = resampling.Bootstrap(resamples=1500, seed=7, confidence=0.95)
QUICK = dataclasses.replace(BOOTSTRAP, resamples=200)


def model(y, scores, contract):
    return resampling.Contender("made", "made", contract, y, scores)


def pair(n_rows, seed=0, noise=0.5):
    """Two classifiers of the same rows, the second noisier."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n_rows) < 0.3).astype(int)
    first = y + rng.normal(0, 1.2, n_rows)
    both = [1 / (1 + np.exp(-z)) for z in (first, first + rng.normal(0, noise, n_rows))]
    return [model(y, np.column_stack([1 - p, p]), LATE) for p in both]


def delays(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 30, n_rows)
    return [model(y, y + rng.normal(0, 20, n_rows), DELAY) for _ in range(2)]


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
    assert half(BOOTSTRAP.interval(AUC, new, old)) == pytest.approx(expected, rel=0.06)


def test_mae_gain_agrees_with_the_formula_of_a_mean():
    """The gain in MAE is a mean of differences: 1.96 s / sqrt(n)."""
    new, old = delays(1500)
    differences = np.abs(old.y - old.scores) - np.abs(new.y - new.scores)
    gain = BOOTSTRAP.interval(MAE, new, old)
    assert gain.estimate == pytest.approx(differences.mean())
    assert half(gain) == pytest.approx(1.96 * stats.sem(differences), rel=0.06)


def test_an_interval_agrees_with_scipy():
    """scipy.stats.bootstrap draws other resamples of the same rows."""
    sample = delays(500)[0]
    theirs = stats.bootstrap(
        (sample.y, sample.scores), lambda y, s, axis: np.abs(y - s).mean(axis=axis),
        paired=True, method="percentile", n_resamples=2000, random_state=1,
    )  # fmt: skip
    ours = BOOTSTRAP.interval(MAE, sample)
    assert half(ours) == pytest.approx(1.96 * theirs.standard_error, rel=0.08)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), rel=0.02)


def test_groups_of_their_own_add_up_their_variances():
    """The difference of two independent groups has the sum of both variances."""
    one, other = delays(400, seed=1)[0], delays(600, seed=2)[0]
    parts = [half(BOOTSTRAP.interval(MAE, part)) for part in (one, other)]
    gap = BOOTSTRAP.interval(MAE, one).minus(BOOTSTRAP.interval(MAE, other))
    assert half(gap) == pytest.approx(np.hypot(*parts))
    assert gap.n_rows == 1000


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(sorted(metrics.METRICS["classification"])))
def test_intervals_contain_their_estimate(seed, name):
    """In the middle, for every metric, on any rows."""
    metric = metrics.find("classification", name)
    gain = QUICK.interval(metric, *pair(80, seed))
    assert gain.low <= gain.estimate <= gain.high


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_gains_are_symmetric(seed):
    """What one gains the other loses; the draws differ, so the widths agree only about."""
    new, old = pair(120, seed)
    there, back = QUICK.interval(AUC, new, old), QUICK.interval(AUC, old, new)
    assert there.estimate == pytest.approx(-back.estimate)
    assert half(there) == pytest.approx(half(back), rel=0.5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_identical_models_gain_exactly_nothing(seed):
    """The draws are paired: no noise is left between a model and itself."""
    gain = QUICK.interval(AUC, *[pair(90, seed)[1]] * 2)
    assert (gain.estimate, gain.low, gain.high) == (0, 0, 0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_is_irrelevant(seed):
    """Not about: to the last digit."""
    models = pair(90, seed)
    order = np.random.default_rng(seed).permutation(90)
    assert QUICK.interval(AUC, *[one.take(order) for one in models]) == QUICK.interval(AUC, *models)


def test_a_larger_family_widens_intervals():
    """Bonferroni: twenty intervals at 95 % together are each at 99.75 %."""
    sample = delays(300)[0]
    ratio = half(QUICK.interval(MAE, sample, family=20)) / half(QUICK.interval(MAE, sample))
    assert ratio == pytest.approx(stats.norm.ppf(1 - 0.025 / 20) / stats.norm.ppf(0.975))


@pytest.mark.parametrize("n_rows", [0, 1])
def test_rows_that_define_no_metric_give_no_interval(n_rows):
    """NaN, never an error."""
    new, old = (one.take(np.arange(n_rows)) for one in pair(10))
    assert np.isnan(QUICK.interval(AUC, new, old).low)


def test_rows_to_decide_is_where_the_interval_is_narrow_enough():
    """Four times the rows halve the interval."""
    interval = resampling.Interval(0.0, -0.02, 0.02, 1000)
    assert interval.rows_to_decide(0.02) == 4000
    assert interval.rows_to_decide(0.08) == 1000


def test_rows_to_decide_holds_on_real_rows():
    """An interval from that many rows is about as wide as was foretold."""
    few = BOOTSTRAP.interval(AUC, *pair(1000, seed=3))
    needed = few.rows_to_decide(half(few))
    many = BOOTSTRAP.interval(AUC, *pair(needed, seed=4))
    assert 2 * half(many) == pytest.approx(half(few), rel=0.15)


@settings(max_examples=15, deadline=None)
@given(sign=st.sampled_from([1, -1]), bounds=st.lists(st.floats(-9, 9), min_size=3, max_size=3))
def test_room_is_positive_on_the_good_side(sign, bounds):
    """Above a floor, below a ceiling; the worst bound first."""
    low, estimate, high = sorted(bounds)
    room = resampling.Interval(estimate, low, high, 10).room(1.0, sign)
    assert room.low <= room.estimate <= room.high
    assert (room.estimate > 0) == (estimate > 1 if sign == 1 else estimate < 1)


def classified(seed, n_rows, n_classes, ties):
    """Scores in float32, as ONNX gives them; with `ties` only a few distinct ones."""
    rng = np.random.default_rng(seed)
    raw = rng.dirichlet(np.ones(n_classes), n_rows) + 0.01
    scores = np.round(raw, 1) + 0.01 if ties else raw
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    classes = tuple(f"class {k}" for k in range(n_classes))
    contract = Contract("classification", "made", (), classes, 0.4)
    return model(rng.integers(0, n_classes, n_rows), scores, contract)


def assert_same_as_one_by_one(metric, made, seed):
    n = len(made.y)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=6)
    expected = [made.take(np.repeat(np.arange(n), count)).value(metric) for count in counts]
    found = resampling.resampled(metric, made, counts.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(metrics.METRICS["classification"]))
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), n_classes=st.sampled_from([2, 3]), ties=st.booleans())
def test_forms_of_classification_equal_scikit_learn(name, seed, n_classes, ties):
    """Exactly the metric of each resample, with ties and with three classes too."""
    made = classified(seed, 60, n_classes, ties)
    assert_same_as_one_by_one(metrics.find("classification", name), made, seed)


@pytest.mark.parametrize("name", sorted(metrics.METRICS["regression"]))
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), n_rows=st.integers(20, 61))
def test_forms_of_regression_equal_scikit_learn(name, seed, n_rows):
    """Exactly the metric of each resample."""
    made = delays(n_rows, seed)[0]
    assert_same_as_one_by_one(metrics.find("regression", name), made, seed)


@pytest.mark.parametrize("name", sorted(resampling.FORMS))
def test_every_form_is_that_of_a_metric(name):
    """A metric that was renamed or removed takes its form along."""
    assert any(name in table for table in metrics.METRICS.values())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_resample_of_one_class_is_undefined(n_classes):
    """No AUC without both classes: NaN, not 0 and not an error."""
    made = classified(0, 30, n_classes, ties=False)
    values = resampling.resampled(AUC, made, (made.y == 1)[None, :].astype(float))
    assert np.isnan(values).all()


def test_too_many_undefined_resamples_give_no_interval():
    """Of a class with one row, every third resample holds none."""
    made = classified(0, 30, 2, ties=False)
    rare = dataclasses.replace(made, y=(np.arange(30) == 0).astype(int))
    found = QUICK.interval(AUC, rare)
    assert np.isfinite(found.estimate)
    assert np.isnan(found.low)
