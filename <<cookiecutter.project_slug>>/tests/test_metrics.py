"""Metrics agree with scikit-learn or with their formula, and are NaN where undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as skm

from <<cookiecutter.__package_name>> import errors, metrics

THRESHOLD = 0.4


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
    "precision": lambda y, p: skm.precision_score(y, p[:, 1] >= THRESHOLD),
    "recall": lambda y, p: skm.recall_score(y, p[:, 1] >= THRESHOLD),
    "f1": lambda y, p: skm.f1_score(y, p[:, 1] >= THRESHOLD),
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
    "precision": lambda y, p: skm.precision_score(y, p.argmax(1), average="macro"),
    "recall": lambda y, p: skm.recall_score(y, p.argmax(1), average="macro"),
    "f1": lambda y, p: skm.f1_score(y, p.argmax(1), average="macro"),
}
REGRESSION = {
    "mae": lambda y, p: np.abs(y - p).mean(),
    "rmse": lambda y, p: math.sqrt(((y - p) ** 2).mean()),
    "median_ae": lambda y, p: np.median(np.abs(y - p)),
    "r2": lambda y, p: 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
    "bias": lambda y, p: abs((p - y).sum()) / len(y),
}
FORMULAS = {"binary": BINARY, "multi-class": MULTI, "regression": REGRESSION}
NAMED = [
    (kind, name)
    for kind in FORMULAS
    for name in metrics.METRICS[kind if kind == "regression" else "classification"]
]


def task_of(kind: str) -> str:
    return "regression" if kind == "regression" else "classification"


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_a_metric_is_its_formula(make_scores, make_contract, kind, name):
    """Every metric has a formula here, computed in another way."""
    y, scores = make_scores(kind)
    found = metrics.find(task_of(kind), name)(y, scores, make_contract(kind, THRESHOLD))
    assert found == pytest.approx(FORMULAS[kind][name](y, scores), abs=1e-9)


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
    assert list(found) == list(metrics.METRICS[task_of(kind)])
    assert all(math.isfinite(value) for value in found.values())


def test_an_unknown_metric_is_named_with_those_there_are():
    """A metric of the other task is unknown as well."""
    with pytest.raises(errors.UsageError, match=r"'mae' for classification. Choose .*roc_auc"):
        metrics.find("classification", "mae")
