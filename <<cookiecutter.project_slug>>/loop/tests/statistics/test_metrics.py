"""Metrics agree with scikit-learn or with their formula, and are NaN where undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as skm

from mlops_loop import errors, tasks
from mlops_loop.statistics import class_metrics
from mlops_loop.tasks import metrics

THRESHOLD = 0.4
FIXTURES = HealthCheck.function_scoped_fixture  # they only make functions
UNDEFINED = {"zero_division": np.nan}


def macro(function, y, scores):
    return np.mean([function(y == k, scores[:, k]) for k in range(scores.shape[1])])


def slow_calibration_error(sure, hit):
    total = 0.0
    for low in range(10):
        inside = [i for i, p in enumerate(sure) if low <= p * 10 < low + 1 or (low == 9 and p == 1)]
        if inside:
            total += abs(sum(hit[i] - sure[i] for i in inside))
    return total / len(sure)


BINARY = {
    "roc_auc": lambda y, p: skm.roc_auc_score(y, p[:, 1]),
    "average_precision": lambda y, p: skm.average_precision_score(y, p[:, 1]),
    "log_loss": lambda y, p: -np.log(p[range(len(y)), y]).mean(),
    "brier": lambda y, p: skm.brier_score_loss(y, p[:, 1]),
    "calibration_error": lambda y, p: slow_calibration_error(p[:, 1], y == 1),
    "accuracy": lambda y, p: ((p[:, 1] >= THRESHOLD) == y).mean(),
    "balanced_accuracy": lambda y, p: skm.balanced_accuracy_score(y, p[:, 1] >= THRESHOLD),
    "precision": lambda y, p: skm.precision_score(y, p[:, 1] >= THRESHOLD, **UNDEFINED),
    "recall": lambda y, p: skm.recall_score(y, p[:, 1] >= THRESHOLD, **UNDEFINED),
    "f1": lambda y, p: skm.f1_score(y, p[:, 1] >= THRESHOLD, **UNDEFINED),
}
MULTI = {
    "roc_auc": lambda y, p: macro(skm.roc_auc_score, y, p),
    "average_precision": lambda y, p: macro(skm.average_precision_score, y, p),
    "log_loss": lambda y, p: -np.log(p[range(len(y)), y]).mean(),
    "brier": lambda y, p: ((p - np.eye(3)[y]) ** 2).sum(axis=1).mean() / 2,
    "calibration_error": lambda y, p: slow_calibration_error(p.max(1), p.argmax(1) == y),
    "accuracy": lambda y, p: (p.argmax(1) == y).mean(),
    "balanced_accuracy": lambda y, p: np.mean(
        [(p.argmax(1) == k)[y == k].mean() for k in range(3)]
    ),
    "precision": lambda y, p: skm.precision_score(y, p.argmax(1), average="macro", **UNDEFINED),
    "recall": lambda y, p: skm.recall_score(y, p.argmax(1), average="macro", **UNDEFINED),
    "f1": lambda y, p: skm.f1_score(y, p.argmax(1), average="macro", **UNDEFINED),
}
REGRESSION = {
    "mae": lambda y, p: np.abs(y - p).mean(),
    "rmse": lambda y, p: math.sqrt(((y - p) ** 2).mean()),
    "median_ae": lambda y, p: np.median(np.abs(y - p)),
    "r2": lambda y, p: 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
    "bias": lambda y, p: abs((p - y).sum()) / len(y),
    "pinball_10": lambda y, p: skm.mean_pinball_loss(y, p, alpha=0.1),
    "pinball_90": lambda y, p: skm.mean_pinball_loss(y, p, alpha=0.9),
}
FORMULAS = {"binary": BINARY, "multi-class": MULTI, "regression": REGRESSION}
NAMED = [
    (kind, name)
    for kind in FORMULAS
    for name in tasks.find(kind if kind == "regression" else "classification").metrics
]


def task_of(kind: str) -> str:
    return "regression" if kind == "regression" else "classification"


@pytest.mark.parametrize(
    ("threshold", "scores", "decided"),
    [
        (0.5, [[0.5, 0.5], [0.6, 0.4]], [1, 0]),
        (0.3, [[0.7, 0.3], [0.8, 0.2]], [1, 0]),
        (0.3, [[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]], [2, 0]),
    ],
    ids=["binary", "own threshold", "multi-class"],
)
def test_decisions(threshold, scores, decided):
    """The threshold decides between two classes, the largest score among more."""
    assert class_metrics.decide(np.array(scores), threshold).tolist() == decided


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_a_metric_is_its_formula(make_scores, make_contract, kind, name):
    """Every metric has a formula here, computed in another way."""
    y, scores = make_scores(kind)
    found = metrics.find(task_of(kind), name)(y, scores, make_contract(kind, THRESHOLD))
    assert found == pytest.approx(FORMULAS[kind][name](y, scores), abs=1e-9)


@pytest.mark.parametrize(("kind", "name"), NAMED)
@settings(max_examples=6, deadline=None, suppress_health_check=[FIXTURES])
@given(seed=st.integers(0, 10**6), ties=st.booleans(), dtype=st.sampled_from([float, np.float32]))
def test_each_resample_is_scored_as_its_rows(
    make_scores, make_contract, kind, name, seed, ties, dtype
):
    """Counts give what the formula gives on the drawn rows, also with ties and in float32."""
    y, scores = make_scores(kind, 60, seed)
    scores = np.round(scores, 1) + 0.01 if ties else scores
    if kind != "regression":
        scores = scores / scores.sum(axis=1, keepdims=True)
    scores = scores.astype(dtype)
    counts = np.random.default_rng(seed).multinomial(60, np.full(60, 1 / 60), size=6)
    counts[:, -1] += 7  # a bootstrap of clusters draws more rows or fewer than there are
    drawn = [np.repeat(np.arange(60), row) for row in counts]
    expected = [FORMULAS[kind][name](y[rows], scores[rows]) for rows in drawn]
    metric = metrics.find(task_of(kind), name)
    found = metric.resampled(y, scores, make_contract(kind, THRESHOLD), counts.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_a_better_model_has_the_better_metric(make_scores, make_contract, kind, name):
    """The direction that the gate relies on."""
    y, scores = make_scores(kind)
    perfect = y if kind == "regression" else np.eye(scores.shape[1])[y]
    metric, contract = metrics.find(task_of(kind), name), make_contract(kind)
    gain = metric(y, perfect, contract) - metric(y, scores, contract)
    assert metric.sign * gain > 0


@pytest.mark.parametrize(("kind", "name"), NAMED)
@pytest.mark.parametrize("how", ["no rows", "NaN score", "infinite score"])
def test_undefined_is_nan(make_scores, make_contract, kind, name, how):
    """No rows, or scores that are no numbers: NaN, never an error or a nice number."""
    y, scores = make_scores(kind)
    if how == "no rows":
        y, scores = y[:0], scores[:0]
    else:
        scores[3] = np.nan if how == "NaN score" else np.inf
    assert math.isnan(metrics.find(task_of(kind), name)(y, scores, make_contract(kind)))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("kind", ["binary", "multi-class"])
def test_ranking_one_class_is_undefined(make_scores, make_contract, kind, name):
    """There is nothing to rank."""
    y, scores = make_scores(kind)
    one = metrics.find("classification", name)(y * 0, scores, make_contract(kind))
    assert math.isnan(one)


ONE, NONE, BOTH = [1, 1, 1], [0, 0, 0], [0, 1, 1]


@pytest.mark.parametrize(
    ("name", "true", "predicted", "expected"),
    [
        ("precision", BOTH, NONE, math.nan),
        ("precision", NONE, BOTH, 0),
        ("recall", NONE, BOTH, math.nan),
        ("recall", BOTH, NONE, 0),
        ("f1", NONE, NONE, math.nan),
        ("f1", NONE, BOTH, 0),
        ("f1", BOTH, NONE, 0),
        ("balanced_accuracy", ONE, BOTH, 2 / 3),
    ],
)
def test_zero_of_zero_is_undefined(make_contract, name, true, predicted, expected):
    """Nothing predicted has no precision, nothing true no recall: NaN rather than a bad 0."""
    found = metrics.find("classification", name)(
        np.array(true), np.eye(2)[predicted], make_contract()
    )
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_macro_averages_are_over_the_defined_classes(make_scores, make_contract, name):
    """A class that is never predicted, or never true, does not count as 0."""
    y, scores = make_scores("multi-class")
    scores[:, 2] = 0
    y = y if name == "precision" else np.minimum(y, 1)
    found = metrics.find("classification", name)(y, scores, make_contract("multi-class"))
    assert found == pytest.approx(MULTI[name](y, scores))
    assert found > 0.4


@pytest.mark.parametrize("value", [0.1, 7.0])
def test_r2_of_equal_outcomes_is_undefined(make_contract, value):
    """Also in a resample of rows that differ, whatever rounding leaves."""
    y, scores = np.array([value, value, value / 3]), np.array([0.0, 1.0, 2.0])
    r2, contract = metrics.find("regression", "r2"), make_contract("regression")
    assert math.isnan(r2(y[:2], scores[:2], contract))
    counts = np.array([[2.0, 1, 0], [0, 3, 0], [1, 1, 1]])
    assert list(np.isnan(r2.resampled(y, scores, contract, counts))) == [True, True, False]


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("kind", ["binary", "multi-class"])
def test_a_resample_of_one_class_is_undefined(make_scores, make_contract, kind, name):
    """NaN, not 0 or 1, beside a resample that is defined."""
    y, scores = make_scores(kind)
    counts = np.array([y == 1, y >= 0], dtype=float)
    metric = metrics.find("classification", name)
    found = metric.resampled(y, scores, make_contract(kind), counts)
    assert list(np.isnan(found)) == [True, False]


@pytest.mark.parametrize(("kind", "name"), NAMED)
@pytest.mark.parametrize("n", [1, 2])
def test_few_rows_are_never_an_error(make_scores, make_contract, kind, name, n):
    """One or two rows give a number or NaN, without a warning."""
    y, scores = make_scores(kind, n)
    assert isinstance(metrics.find(task_of(kind), name)(y, scores, make_contract(kind)), float)


def test_a_class_that_does_not_occur_is_left_out(make_scores, make_contract):
    """Macro averages are over the classes that there are."""
    y, scores = make_scores("multi-class")
    y = np.minimum(y, 1)
    found = metrics.find("classification", "roc_auc")(y, scores, make_contract("multi-class"))
    parts = [skm.roc_auc_score(y == k, scores[:, k]) for k in (0, 1)]
    assert found == pytest.approx(np.mean(parts))


def test_calibration_of_certain_scores(make_contract):
    """Probabilities of exactly 0 and 1 fall into the first and the last bin."""
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    found = metrics.find("classification", "calibration_error")(
        np.array([0, 1, 0]), scores, make_contract()
    )
    assert found == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", FORMULAS)
def test_score_all_gives_every_metric_of_the_task(make_scores, make_contract, kind):
    """By name, in the order of the table."""
    found = metrics.score_all(*make_scores(kind), make_contract(kind))
    assert list(found) == list(tasks.find(task_of(kind)).metrics)
    assert all(math.isfinite(value) for value in found.values())


def test_an_unknown_metric_is_named_with_those_there_are():
    """A metric of the other task is unknown as well."""
    with pytest.raises(errors.UsageError, match=r"'mae' for classification. Choose .*roc_auc"):
        metrics.find("classification", "mae")
