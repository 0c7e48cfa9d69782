"""Intervals inside the range of a metric, against formulas, published examples and the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats
from scipy.special import expit

from mlops_loop.model.contract import Contract
from mlops_loop.statistics import bootstrap, class_metrics, number_metrics
from mlops_loop.statistics.metrics import Metric
from mlops_loop.tasks import metrics

YES = Contract("classification", "late", (), ("no", "yes"))
THREE = Contract("classification", "grade", (), ("a", "b", "c"))
DELAY = Contract("regression", "delay", ())
QUICK = bootstrap.Bootstrap(resamples=200, seed=7, confidence=0.95)


def classifier(y, positive):
    return bootstrap.Contender("c", "c", YES, y, np.column_stack([1 - positive, positive]))


def regressor(y, scores):
    return bootstrap.Contender("r", "r", DELAY, y, scores)


def find(name):
    task = "classification" if name in class_metrics.METRICS else "regression"
    return metrics.find(task, name)


@pytest.mark.parametrize("seed", range(3))
def test_a_recall_is_the_exact_interval_of_its_positives(seed):
    """Not of all rows, and without a draw in it."""
    rng = np.random.default_rng(seed)
    y = (np.arange(200) < 8).astype(int)
    model = classifier(y, np.where(rng.random(200) < 0.8, y, 1 - y) * 0.9)
    hits = int((model.scores[:8, 1] >= 0.5).sum())
    found = QUICK.interval(find("recall"), model)
    expected = stats.binomtest(hits, 8).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert (found.n_rows, found.n_cases) == (200, 8)


def test_an_f1_is_that_of_the_share_that_it_grows_with():
    """Hits among the rows that are positive or predicted so: F1 = 2 J / (1 + J)."""
    y = np.repeat([0, 1], [60, 40])
    model = classifier(y, np.r_[np.ones(5), np.zeros(55), np.ones(32), np.zeros(8)])
    share = stats.binomtest(32, 45).proportion_ci(0.95, "exact")
    found = QUICK.interval(find("f1"), model)
    assert (found.low, found.high) == pytest.approx([2 * j / (1 + j) for j in share])
    assert found.n_cases == 45


def test_a_mean_of_recalls_recovers_the_variances_of_both():
    """Independent groups of rows: the distances of their bounds add up in squares."""
    y = np.repeat([0, 1], [50, 20])
    model = classifier(y, np.r_[np.ones(5), np.zeros(45), np.ones(16), np.zeros(4)])
    parts = [stats.binomtest(k, n).proportion_ci(0.95, "exact") for k, n in ((45, 50), (16, 20))]
    low, high = ([getattr(p, side) for p in parts] for side in ("low", "high"))
    many = bootstrap.Bootstrap(4000, 1, 0.95).interval(find("balanced_accuracy"), model)
    assert many.low == pytest.approx(0.85 - np.hypot(*(np.array([0.9, 0.8]) - low)) / 2, abs=4e-3)
    assert many.high == pytest.approx(0.85 + np.hypot(*(high - np.array([0.9, 0.8]))) / 2, abs=4e-3)


def hanley_mcneil(area, m, n):
    """The variance with (m + n) / 2 - 1 in both terms, as method 5 of Newcombe 2006 has it."""
    others = (m + n) / 2 - 1
    terms = 1 + others * (1 - area) / (2 - area) + others * area / (1 + area)
    return area * (1 - area) * terms / (m * n)


@pytest.mark.parametrize(("m", "n"), [(30, 30), (12, 200)])
def test_a_perfect_ranking_has_the_lower_bound_of_newcombe(m, n):
    """Where the bootstrap finds no variance at all."""
    y = np.repeat([0, 1], [n, m])
    found = QUICK.interval(find("roc_auc"), classifier(y, np.linspace(0, 1, m + n)))
    few = min(m, n)
    t = stats.t.isf(0.025, few - 1) * np.sqrt(few / (few - 1))
    low = optimize.brentq(lambda a: (1 - a) ** 2 - t**2 * hanley_mcneil(a, m, n), 0.1, 1 - 1e-9)
    assert (found.estimate, found.high) == (1, 1)
    assert found.low == pytest.approx(low)
    assert found.n_cases == few


def random_models(seed, n, kind):
    """A good model and a bad one, of 1 to 3 kinds of rows, or of a number."""
    rng = np.random.default_rng(seed)
    sharp = rng.choice([0.3, 3, 30])
    if kind == "number":
        y = rng.normal(0, 1, n)
        return [regressor(y, y + rng.standard_t(3, n) / sharp / k) for k in (1, 2)]
    contract = YES if kind == "two" else THREE
    classes = len(contract.classes)
    y = rng.integers(0, classes, n)
    logits = sharp * np.eye(classes)[y] + rng.normal(0, 1, (2, n, classes))
    shares = np.exp(logits - logits.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    return [bootstrap.Contender("m", "m", contract, y, s) for s in shares]


NAMES = [(name, kind) for kind in ("two", "three") for name in class_metrics.METRICS]
NAMES += [(name, "number") for name in number_metrics.METRICS]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6), n=st.integers(12, 90), of=st.sampled_from(NAMES),
    days=st.sampled_from([0, 4]), family=st.sampled_from([1, 200]),
)  # fmt: skip
@example(seed=249, n=19, of=("average_precision", "two"), days=0, family=1)  # all right, rounded up
def test_bounds_hold_the_estimate_and_stay_in_the_range(seed, n, of, days, family):
    """Of every metric, one model or the gain of two, with and without clusters, in far tails."""
    (name, kind), models = of, random_models(seed, n, of[1])
    clusters = np.arange(n) // days if days else None
    one = QUICK.interval(find(name), models[0], clusters=clusters, family=family)
    low = -math.inf if name == "r2" else 0
    high = {"r2": 1, "log_loss": 36.05}.get(name, math.inf if kind == "number" else 1)
    if math.isfinite(one.low):
        assert low <= one.low <= one.estimate + 1e-9
        assert one.estimate - 1e-9 <= one.high <= high
        assert one.high > one.low
    gain = QUICK.interval(find(name), *models, clusters=clusters, family=family)
    if math.isfinite(gain.low):
        assert gain.low < gain.estimate + 1e-9
        assert gain.high > gain.estimate - 1e-9


@pytest.mark.parametrize("name", class_metrics.METRICS)
def test_models_without_a_miss_have_a_width(name):
    """Alone, against another one, and from clusters: nothing is shown to be perfect by 60 rows."""
    y = np.arange(60) % 2
    sure, surer = (classifier(y, np.where(y, 1 - e, e)) for e in (0.001, 0.0001))
    for clusters in (None, np.arange(60) // 4):
        alone = QUICK.interval(find(name), sure, clusters=clusters)
        assert alone.high - alone.low > 1e-4
        gain = QUICK.interval(find(name), surer, sure, clusters=clusters)
        assert gain.low < gain.estimate < gain.high or name == "calibration_error"


@pytest.mark.parametrize("name", class_metrics.METRICS)
def test_a_class_without_a_row_has_no_part(name):
    """Neither in the mean over the classes, nor in the count of cases, nor in the interval."""
    model = random_models(1, 60, "three")[0]
    some = QUICK.interval(find(name), model.take(np.flatnonzero(model.y != 1)))
    assert 0 <= some.low < some.estimate < some.high
    assert some.n_cases > 1


def test_own_metrics_stay_in_the_range_that_they_state():
    """And have the standard interval without one."""
    y = np.r_[np.zeros(57), np.ones(3)].astype(int)
    model = classifier(y, y * 0.0)

    def missed(y, scores):
        return float(np.mean(y != (scores[:, 1] >= 0.5)))

    plain, ranged, above = (
        QUICK.interval(Metric.from_function("own", missed, greater_is_better=False, **ends), model)
        for ends in ({}, {"low": 0, "high": 1}, {"low": 0})
    )
    assert plain.low < 0 < ranged.low < 0.05 < ranged.high < 0.2
    assert plain.high - plain.estimate == pytest.approx(plain.estimate - plain.low)
    assert 0 < above.low < 0.05 < above.high
    assert above.high / 0.05 == pytest.approx(0.05 / above.low)


def covered(name, truth, draw, runs=300, clusters=None):
    """The share of intervals that hold the truth; `draw(rng)` makes a model and its rows."""
    found = [
        QUICK.interval(find(name), draw(np.random.default_rng([seed, 1])), clusters=clusters)
        for seed in range(runs)
    ]
    return np.mean([i.low - 1e-12 <= truth <= i.high + 1e-12 for i in found])


def ranked(auc, m, n):
    """Binormal scores: ROC AUC = Phi(shift / sqrt 2)."""
    shift = math.sqrt(2) * stats.norm.ppf(auc)
    y = np.repeat([0, 1], [n, m])
    return lambda rng: classifier(y, expit(shift * y + rng.normal(0, 1, m + n)))


@pytest.mark.parametrize(("auc", "m", "n"), [(0.99, 30, 30), (0.998, 30, 30), (0.9, 12, 200)])
def test_areas_near_one_are_covered(auc, m, n):
    """The standard interval holds an area of 0.99 of 30 and 30 rows in 75 % of samples."""
    assert covered("roc_auc", auc, ranked(auc, m, n)) >= 0.93


@pytest.mark.parametrize(("name", "rows"), [("accuracy", 60), ("recall", 60), ("precision", 60)])
def test_shares_near_one_are_covered(name, rows):
    """99 of 100 hits, in 60 rows: half of the samples have no miss."""

    def draw(rng):
        y, hit = np.ones(rows, int), rng.random(rows) < 0.99
        if name == "precision":
            return classifier(hit.astype(int), y * 1.0)
        return classifier(y, hit * 1.0)

    assert covered(name, 0.99, draw) >= 0.95


def calibrated(n, spread):
    """Right probabilities, the surer the larger the spread of their logits."""

    def draw(rng):
        positive = expit(rng.normal(-1, spread, n))
        return classifier((rng.random(n) < positive).astype(int), positive)

    return draw


def expected(loss, spread):
    """Mean loss of `calibrated`, by integration."""
    density = stats.norm(-1, spread).pdf
    return integrate.quad(
        lambda z: loss(expit(z)) * density(z), -12 * spread, 12 * spread, limit=500
    )[0]


def entropy(p):
    return 0 if p in (0, 1) else -p * math.log(p) - (1 - p) * math.log1p(-p)


@pytest.mark.parametrize("spread", [4, 40])
@pytest.mark.parametrize(
    ("name", "loss"), [("log_loss", entropy), ("brier", lambda p: p * (1 - p))]
)
def test_losses_near_zero_are_covered(name, loss, spread):
    """Few rows carry all of the loss; some samples hold none of them."""
    assert covered(name, expected(loss, spread), calibrated(60, spread)) >= 0.93


def test_a_calibration_without_an_error_is_covered():
    """The estimate is always above the truth of 0: noise has no sign in it."""
    assert covered("calibration_error", 0, calibrated(200, 1), runs=150) >= 0.93


@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_a_bias_of_either_sign_is_covered(bias):
    """Around 0, where an absolute value cannot be."""
    y = np.zeros(80)
    assert covered("bias", bias, lambda rng: regressor(y, rng.normal(bias, 1, 80))) >= 0.92


def test_an_r2_near_one_is_covered():
    """1 - R2 of normal noise: 0.001 / 1.001."""

    def draw(rng):
        scores = rng.normal(0, 1, 40)
        return regressor(scores + rng.normal(0, math.sqrt(0.001), 40), scores)

    assert covered("r2", 1 / 1.001, draw) >= 0.93


def test_a_recall_of_clusters_is_covered():
    """Days of ten rows on which all or nothing is found count as what they are: days."""

    def draw(rng):
        return classifier(np.ones(300, int), np.repeat(rng.random(30) < 0.9, 10) * 1.0)

    assert covered("recall", 0.9, draw, clusters=np.arange(300) // 10) >= 0.93


def test_groups_that_are_treated_alike_are_seldom_apart():
    """Five positives in a group of 200 rows: the standard interval calls a third of them unfair."""
    apart = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        groups = []
        for positives in (5, 40):
            y = (np.arange(200) < positives).astype(int)
            hit = np.where(rng.random(200) < 0.9, y, 0) * 1.0
            groups.append(QUICK.interval(find("recall"), classifier(y, hit)))
        gap = groups[0].minus(groups[1])
        apart += gap.low > 0 or gap.high < 0
    assert apart / 300 <= 0.05
