"""Intervals by the bootstrap, against formulas, scipy and DeLong, of rows and of clusters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_loop.model.contract import Contract
from mlops_loop.statistics import bootstrap, class_metrics
from mlops_loop.tasks import metrics

LATE = Contract("classification", "late", (), ("no", "yes"))
DELAY = Contract("regression", "delay", ())
AUC = metrics.find("classification", "roc_auc")
LOSS = metrics.find("classification", "log_loss")
MAE = metrics.find("regression", "mae")
BOOTSTRAP = bootstrap.Bootstrap(resamples=1500, seed=7, confidence=0.95)
QUICK = dataclasses.replace(BOOTSTRAP, resamples=200)


def model(y, scores, contract):
    return bootstrap.Contender("made", "made", contract, y, scores)


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
    """The difference of two independent groups has the sum of both variances, side by side."""
    one, other = (BOOTSTRAP.interval(MAE, delays(n, seed=n)[0]) for n in (400, 600))
    gap = one.minus(other)
    below = np.hypot(one.estimate - one.low, other.high - other.estimate)
    above = np.hypot(one.high - one.estimate, other.estimate - other.low)
    assert (gap.low, gap.high) == pytest.approx((gap.estimate - below, gap.estimate + above))
    assert gap.n_rows == 1000


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(sorted(class_metrics.METRICS)))
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
    gains = [half(QUICK.interval(MAE, *delays(300), family=n)) for n in (20, 1)]
    ratio = gains[0] / gains[1]
    assert ratio == pytest.approx(stats.t.ppf(1 - 0.025 / 20, 299) / stats.t.ppf(0.975, 299))


@pytest.mark.parametrize("n_rows", [0, 1])
def test_rows_that_define_no_metric_give_no_interval(n_rows):
    """NaN, never an error."""
    new, old = (one.take(np.arange(n_rows)) for one in pair(10))
    assert np.isnan(QUICK.interval(AUC, new, old).low)


def test_rows_to_decide_is_where_the_interval_is_narrow_enough():
    """Four times the rows halve the interval."""
    interval = bootstrap.Interval(0.0, -0.02, 0.02, 1000)
    assert interval.rows_to_decide(0.02) == 4000
    assert interval.rows_to_decide(0.08) == 1000


def test_rows_to_decide_holds_on_real_rows():
    """An interval from that many rows is about as wide as predicted."""
    few = BOOTSTRAP.interval(AUC, *pair(1000, seed=3))
    needed = few.rows_to_decide(half(few))
    many = BOOTSTRAP.interval(AUC, *pair(needed, seed=4))
    assert 2 * half(many) == pytest.approx(half(few), rel=0.15)


@settings(max_examples=15, deadline=None)
@given(sign=st.sampled_from([1, -1]), bounds=st.lists(st.floats(-9, 9), min_size=3, max_size=3))
def test_the_margin_is_positive_on_the_good_side(sign, bounds):
    """Above a floor, below a ceiling; the worst bound first."""
    low, estimate, high = sorted(bounds)
    margin = bootstrap.Interval(estimate, low, high, 10).margin_to(1.0, sign)
    assert margin.low <= margin.estimate <= margin.high
    assert (margin.estimate > 0) == (estimate > 1 if sign == 1 else estimate < 1)


def test_too_many_undefined_resamples_give_no_interval():
    """Of a class with one row, every third resample holds none."""
    rare = dataclasses.replace(pair(30)[0], y=(np.arange(30) == 0).astype(int))
    found = QUICK.interval(AUC, rare)
    assert np.isfinite(found.estimate)
    assert np.isnan(found.low)


def slow_error(sample, clusters, resamples=400, seed=5):
    """Standard error of an MAE by the cluster bootstrap, written out row by row."""
    rng, members, values = np.random.default_rng(seed), {}, []
    for row, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(row)
    for _ in range(resamples):
        drawn = rng.choice(sorted(members), size=len(members))
        rows = [row for cluster in drawn for row in members[cluster]]
        values.append(sample.take(np.array(rows)).value(MAE))
    return np.std(values, ddof=1)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), n_clusters=st.integers(15, 60))
def test_clusters_agree_with_an_explicit_loop(seed, n_clusters):
    """Clusters of different sizes, numbered with gaps, alike within."""
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, n_clusters, 300) * 7
    sample = model(np.zeros(300), rng.normal(0, 1, 7 * n_clusters)[clusters] + 3, DELAY)
    z = stats.t.ppf(0.975, len(set(clusters)) - 1)
    found = dataclasses.replace(BOOTSTRAP, resamples=400).interval(MAE, sample, clusters=clusters)
    assert half(found) == pytest.approx(z * slow_error(sample, clusters), rel=0.2)


def test_copies_of_a_row_tell_no_more_than_the_row():
    """Perfectly correlated rows: the interval has the width of one row for each cluster."""
    once = delays(200)[0]
    copies = np.repeat(np.arange(200), 10)
    honest = half(BOOTSTRAP.interval(MAE, once))
    clustered = half(BOOTSTRAP.interval(MAE, once.take(copies), clusters=copies))
    assert clustered == pytest.approx(honest, rel=0.08)
    naive = half(BOOTSTRAP.interval(MAE, once.take(copies)))
    assert naive == pytest.approx(honest / np.sqrt(10), rel=0.08)


def test_intervals_of_few_clusters_cover_the_truth():
    """Of 600 samples of 8 correlated days, about 93 % hold the true MAE of 3 (88 % by z)."""
    rng, days, found = np.random.default_rng(8), np.repeat(np.arange(8), 10), []
    for _ in range(600):
        errors = 3 + rng.normal(0, 0.5, 8)[days] + rng.normal(0, 0.5, 80)
        found.append(QUICK.interval(MAE, model(np.zeros(80), errors, DELAY), clusters=days))
    assert 0.905 < np.mean([i.low < 3 < i.high for i in found]) < 0.985


def test_clusters_of_one_row_are_rows():
    """The same width, but for the draws."""
    new, old = delays(300)
    single = BOOTSTRAP.interval(MAE, new, old, clusters=np.arange(300))
    assert half(single) == pytest.approx(half(BOOTSTRAP.interval(MAE, new, old)), rel=0.08)


def test_one_cluster_gives_no_interval():
    """Nothing is known about other clusters: NaN, not a width of zero."""
    found = QUICK.interval(MAE, delays(50)[0], clusters=np.zeros(50, int))
    assert np.isfinite(found.estimate)
    assert np.isnan(found.low)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_clustered_rows_is_irrelevant(seed):
    """Not about: to the last digit, equal rows in different clusters included."""
    rng = np.random.default_rng(seed)
    clusters, order = rng.integers(0, 9, 90), rng.permutation(90)
    models = [one.take(np.arange(90) // 3) for one in pair(90, seed)]
    before = QUICK.interval(LOSS, *models, clusters=clusters)
    moved = [one.take(order) for one in models]
    assert QUICK.interval(LOSS, *moved, clusters=clusters[order]) == before


def test_rows_to_decide_holds_for_clusters():
    """That many rows, in clusters of the same size, give an interval as narrow as predicted."""

    def days(n_days, seed):
        rng, day = np.random.default_rng(seed), np.repeat(np.arange(n_days), 20)
        sample = model(np.zeros(len(day)), 9 + rng.normal(0, 1, n_days)[day], DELAY)
        return BOOTSTRAP.interval(MAE, sample, clusters=day)

    few = days(50, seed=1)
    many = days(few.rows_to_decide(half(few)) // 20, seed=2)
    assert 2 * half(many) == pytest.approx(half(few), rel=0.15)


@pytest.mark.parametrize("name", sorted(class_metrics.METRICS))
@pytest.mark.parametrize("size", [1, 4])
def test_a_random_part_of_many_rows_tells_as_much(name, size, monkeypatch):
    """The estimate is that of all rows, and so are the bounds but for the noise of drawing."""
    metric, models = metrics.find("classification", name), pair(12_000)
    clusters = np.arange(12_000) // size
    of_all = [BOOTSTRAP.interval(metric, *some, clusters=clusters) for some in (models[:1], models)]
    monkeypatch.setattr(bootstrap, "MOST_DRAWN", 1_500)
    monkeypatch.setattr(bootstrap, "LEAST_CASES", 600)
    some = [BOOTSTRAP.interval(metric, *some, clusters=clusters) for some in (models[:1], models)]
    for found, expected in zip(some, of_all, strict=True):
        assert (found.estimate, found.n_rows) == (expected.estimate, 12_000)
        assert half(found) == pytest.approx(half(expected), rel=0.1)
    assert some[1].low != of_all[1].low


def test_few_cases_are_not_left_out(monkeypatch):
    """Where the rarest kind has few rows, all rows are drawn from."""
    (new, old), metric = pair(3_000), metrics.find("classification", "recall")
    expected = QUICK.interval(metric, new, old)
    monkeypatch.setattr(bootstrap, "MOST_DRAWN", 500)
    assert QUICK.interval(metric, new, old) == expected
    monkeypatch.setattr(bootstrap, "LEAST_CASES", 100)
    assert QUICK.interval(metric, new, old) != expected


def test_the_same_scores_differ_by_nothing_in_a_part_too(monkeypatch):
    """Nothing, not the noise of two parts."""
    new = pair(3_000)[0]
    monkeypatch.setattr(bootstrap, "MOST_DRAWN", 500)
    monkeypatch.setattr(bootstrap, "LEAST_CASES", 10)
    same = QUICK.interval(AUC, new, dataclasses.replace(new, id="other"))
    assert (same.estimate, same.low, same.high) == (0, 0, 0)
