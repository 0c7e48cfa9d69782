"""Metrics by name: the same functions score training, evaluation and the gate.

A metric takes `(y, scores, contract)`. For classification `y` holds class positions (n_rows,)
and `scores` probabilities (n_rows, n_classes); for regression both are numbers (n_rows,).
A metric that the rows do not define (one class only, say) is NaN, never an error.

Formulas are scikit-learn's: https://scikit-learn.org/stable/modules/model_evaluation.html
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as skm

from ..contract import Contract
from ..errors import UsageError

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
        if scores.shape[1] == 2:
            return function(y == 1, scores[:, 1])
        return float(np.mean([function(y == k, scores[:, k]) for k in present]))

    return scorer


def _decided(function: Callable[..., float], **options: object) -> Scorer:
    """A metric on decisions at the contract's threshold."""

    def scorer(y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
        return function(y, contract.decide(scores), **options)

    return scorer


def _averaged(function: Callable[..., float]) -> Scorer:
    """Precision and the like: of the positive class for two classes, macro average else."""

    def scorer(y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
        average = "binary" if len(contract.classes) == 2 else "macro"
        return function(y, contract.decide(scores), average=average, zero_division=0)

    return scorer


def _brier(y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
    """Mean squared error of probabilities, in [0, 1] for two classes (Brier 1950, halved)."""
    hits = np.eye(scores.shape[1])[y.astype(int)]
    return float(np.mean(np.sum((scores - hits) ** 2, axis=1)) / 2)


def _log_loss(y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
    shares = scores / scores.sum(axis=1, keepdims=True)
    return skm.log_loss(y, shares, labels=range(scores.shape[1]))


def expected_calibration_error(y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
    """Mean |observed - predicted| share over ten equal-width bins, weighted by rows.

    Binary: of the positive class; more classes: of the predicted one (Naeini et al. 2015).
    """
    if scores.shape[1] == 2:
        sure, hit = scores[:, 1], y == 1
    else:
        sure, hit = scores.max(axis=1), scores.argmax(axis=1) == y
    bins = np.clip((sure * 10).astype(int), 0, 9)
    gap = np.bincount(bins, weights=hit - sure, minlength=10)
    return float(np.abs(gap).sum() / len(y))


def _plain(function: Callable[..., float]) -> Scorer:
    return lambda y, scores, contract: function(y, scores)


def _table(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS: dict[str, dict[str, Metric]] = {
    "classification": _table(
        Metric("roc_auc", _ranked(skm.roc_auc_score), True),
        Metric("average_precision", _ranked(skm.average_precision_score), True),
        Metric("log_loss", _log_loss, False),
        Metric("brier", _brier, False),
        Metric("calibration_error", expected_calibration_error, False),
        Metric("accuracy", _decided(skm.accuracy_score), True),
        Metric("balanced_accuracy", _decided(skm.balanced_accuracy_score), True),
        Metric("precision", _averaged(skm.precision_score), True),
        Metric("recall", _averaged(skm.recall_score), True),
        Metric("f1", _averaged(skm.f1_score), True),
    ),
    "regression": _table(
        Metric("mae", _plain(skm.mean_absolute_error), False, "target"),
        Metric("rmse", _plain(skm.root_mean_squared_error), False, "target"),
        Metric("median_ae", _plain(skm.median_absolute_error), False, "target"),
        Metric("r2", _plain(skm.r2_score), True),
        Metric("bias", lambda y, scores, contract: abs(np.mean(scores - y)), False, "target"),
    ),
}


def find(task: str, name: str) -> Metric:
    """The metric of a task by name; raises UsageError with the names that there are."""
    if name not in METRICS[task]:
        known = ", ".join(METRICS[task])
        raise UsageError(f"There is no metric {name!r} for {task}. Choose one of: {known}.")
    return METRICS[task][name]


def score_all(y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, float]:
    """Every metric of the contract's task."""
    table = METRICS[contract.task]
    return {name: metric(y, scores, contract) for name, metric in table.items()}
