"""Metrics by name: the same functions score training, evaluation and the gate.

A metric takes `(y, scores, contract)`. For classification `y` holds class positions (n_rows,)
and `scores` probabilities (n_rows, n_classes); for regression both are numbers (n_rows,).
A metric that the rows do not define (one class only, say) is NaN, never an error.
Formulas: https://scikit-learn.org/stable/modules/model_evaluation.html
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as skm

from .contract import Contract
from .errors import UsageError

Scorer = Callable[[np.ndarray, np.ndarray, Contract], float]


@dataclass(frozen=True)
class Metric:
    """A scorer with its direction; `unit` "target" means the unit of the target."""

    name: str
    scorer: Scorer
    greater_is_better: bool
    unit: str = ""

    @property
    def sign(self) -> int:
        """1 where greater is better, -1 where less is."""
        return 1 if self.greater_is_better else -1

    def __call__(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
        if len(y) == 0 or not np.isfinite(scores).all():
            return math.nan
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return float(self.scorer(y, scores, contract))
        except ValueError:
            return math.nan


def _ranked(function: Callable[..., float]) -> Scorer:
    """A metric on probabilities: of the positive class for two classes, macro one-vs-rest else."""

    def scorer(y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
        present = np.unique(y)
        if len(present) < 2:
            return math.nan
        positive = [1] if scores.shape[1] == 2 else present
        return np.mean([function(y == k, scores[:, k]) for k in positive])

    return scorer


def _decided(function: Callable[..., float], averaged: bool = False) -> Scorer:
    """A metric on decisions at the contract's threshold.

    Averaged (precision and the like): of the positive class for two classes, macro average else.
    """

    def scorer(y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
        average = "binary" if len(contract.classes) == 2 else "macro"
        options = {"average": average, "zero_division": 0} if averaged else {}
        return function(y, contract.decide(scores), **options)

    return scorer


def _plain(function: Callable[[np.ndarray, np.ndarray], float]) -> Scorer:
    return lambda y, scores, contract: function(y, scores)


def _brier(y: np.ndarray, scores: np.ndarray) -> float:
    """Mean squared error of probabilities, in [0, 1] for two classes (Brier 1950, halved)."""
    hits = np.eye(scores.shape[1])[y.astype(int)]
    return np.mean(np.sum((scores - hits) ** 2, axis=1)) / 2


def _log_loss(y: np.ndarray, scores: np.ndarray) -> float:
    shares = scores / scores.sum(axis=1, keepdims=True)
    return skm.log_loss(y, shares, labels=range(scores.shape[1]))


def _calibration_error(y: np.ndarray, scores: np.ndarray) -> float:
    """Mean |observed - predicted| share over ten equal-width bins, weighted by rows.

    Binary: of the positive class; more classes: of the predicted one (Naeini et al. 2015).
    """
    if scores.shape[1] == 2:
        sure, hit = scores[:, 1], y == 1
    else:
        sure, hit = scores.max(axis=1), scores.argmax(axis=1) == y
    bins = np.clip((sure * 10).astype(int), 0, 9)
    gap = np.bincount(bins, weights=hit - sure, minlength=10)
    return np.abs(gap).sum() / len(y)


_CLASSIFICATION = [
    Metric("roc_auc", _ranked(skm.roc_auc_score), True),
    Metric("average_precision", _ranked(skm.average_precision_score), True),
    Metric("log_loss", _plain(_log_loss), False),
    Metric("brier", _plain(_brier), False),
    Metric("calibration_error", _plain(_calibration_error), False),
    Metric("accuracy", _decided(skm.accuracy_score), True),
    Metric("balanced_accuracy", _decided(skm.balanced_accuracy_score), True),
    Metric("precision", _decided(skm.precision_score, averaged=True), True),
    Metric("recall", _decided(skm.recall_score, averaged=True), True),
    Metric("f1", _decided(skm.f1_score, averaged=True), True),
]
_REGRESSION = [
    Metric("mae", _plain(skm.mean_absolute_error), False, "target"),
    Metric("rmse", _plain(skm.root_mean_squared_error), False, "target"),
    Metric("median_ae", _plain(skm.median_absolute_error), False, "target"),
    Metric("r2", _plain(skm.r2_score), True),
    Metric("bias", _plain(lambda y, scores: abs(np.mean(scores - y))), False, "target"),
]
METRICS: dict[str, dict[str, Metric]] = {
    "classification": {metric.name: metric for metric in _CLASSIFICATION},
    "regression": {metric.name: metric for metric in _REGRESSION},
}


def find(task: str, name: str) -> Metric:
    """The metric of a task by name; raises UsageError with the names that there are."""
    if name not in METRICS[task]:
        known = ", ".join(METRICS[task])
        raise UsageError(f"There is no metric {name!r} for {task}. Choose one of: {known}.")
    return METRICS[task][name]


def score_all(y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, float]:
    """Every metric of the contract's task."""
    return {name: metric(y, scores, contract) for name, metric in METRICS[contract.task].items()}
