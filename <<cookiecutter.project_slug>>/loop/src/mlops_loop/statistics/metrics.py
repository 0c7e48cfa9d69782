"""Metrics by name: the same formulas score training, evaluation and the gate.

For classification `y` holds class positions (n_rows,) and `scores` probabilities
(n_rows, n_classes); for regression both are numbers (n_rows,). A metric that the rows do not
define (one class only, nothing predicted as positive) is NaN, never an error.

Each is written for many resamples at once, which scikit-learn cannot do: `counts` says how often
a resample holds each row, (n_resamples, n_rows). The numbers are those of scikit-learn:
https://scikit-learn.org/stable/modules/model_evaluation.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as skm

from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract

Form = Callable[[np.ndarray, np.ndarray, Contract, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A formula with its direction; `unit` "target" means the unit of the target."""

    name: str
    form: Form
    greater_is_better: bool
    unit: str = ""

    @property
    def sign(self) -> int:
        """1 where greater is better, -1 where less is."""
        return 1 if self.greater_is_better else -1

    def __call__(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
        return float(self.resampled(y, scores, contract, np.ones((1, len(y))))[0])

    def resampled(
        self, y: np.ndarray, scores: np.ndarray, contract: Contract, counts: np.ndarray
    ) -> np.ndarray:
        """The metric of each resample, (n_resamples,), from how often it holds each row."""
        if len(y) == 0 or not np.isfinite(scores).all():
            return np.full(len(counts), math.nan)
        with np.errstate(all="ignore"):
            return self.form(y, scores, contract, counts)


def _mean(
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray], then: Callable = np.asarray
) -> Form:
    """The mean over rows of a loss of `y` and `scores`, (n_rows,), and what is made of it."""
    return lambda y, scores, contract, counts: then(counts @ loss(y, scores) / counts.sum(axis=1))


def _one_by_one(function: Callable[[np.ndarray, np.ndarray], float]) -> Form:
    """Any function of `y` and `scores`, called for one resample after another: slow."""

    def form(y, scores, contract, counts):
        drawn = [np.repeat(np.arange(len(y)), row) for row in counts.astype(int)]
        return np.array([function(y[rows], scores[rows]) for rows in drawn])

    return form


def _over_classes(parts: np.ndarray) -> np.ndarray:
    """Mean over the classes, (n_resamples, n_classes), that a resample defines."""
    return np.nansum(parts, axis=1) / np.isfinite(parts).sum(axis=1)


def _macro(parts: np.ndarray) -> np.ndarray:
    """The part of the positive class of two, else the mean over the defined ones."""
    return parts[:, 1] if parts.shape[1] == 2 else _over_classes(parts)


def _decided(score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Form:
    """On decisions at the contract's threshold.

    `score` takes how many rows of each class were hit, were true and were predicted.
    """

    def form(y, scores, contract, counts):
        classes = np.arange(scores.shape[1])
        true, predicted = y[:, None] == classes, contract.decide(scores)[:, None] == classes
        return score(*(counts @ rows.astype(float) for rows in (true & predicted, true, predicted)))

    return form


def _ranked(area: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Form:
    """On probabilities: of the positive class for two classes, macro one-vs-rest else.

    `area` takes how many rows at each probability, the greatest first, are of the class or not.
    """

    def form(y, scores, contract, counts):
        found = []
        for k in [1] if scores.shape[1] == 2 else range(scores.shape[1]):
            order = np.argsort(-scores[:, k])
            score, drawn = scores[order, k], np.take(counts, order, axis=1)
            starts = np.flatnonzero(np.r_[True, np.diff(score) != 0])
            hits = np.add.reduceat(drawn * (y[order] == k), starts, axis=1)
            misses = np.add.reduceat(drawn, starts, axis=1) - hits
            found.append(area(hits, misses))
        return _over_classes(np.column_stack(found))

    return form


def _roc_auc(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Share of pairs in the right order, ties half (Mann and Whitney 1947)."""
    above = ((np.cumsum(hits, axis=1) - hits / 2) * misses).sum(axis=1)
    return above / (hits.sum(axis=1) * misses.sum(axis=1))


def _average_precision(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Precision at each hit, averaged; NaN where there is nothing but hits to rank."""
    precision = np.cumsum(hits, axis=1) / np.cumsum(hits + misses, axis=1)
    mean = np.nansum(hits * precision, axis=1) / hits.sum(axis=1)
    return np.where(misses.any(axis=1), mean, math.nan)


def _brier(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Squared error of probabilities, in [0, 1] for two classes (Brier 1950, halved)."""
    return np.sum((scores - np.eye(scores.shape[1])[y]) ** 2, axis=1) / 2


def _log_loss(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    own = scores[np.arange(len(y)), y] / scores.sum(axis=1)
    tiny = np.finfo(own.dtype).eps
    return -np.log(np.clip(own.astype(float), tiny, 1 - tiny))


def _calibration_error(y, scores, contract, counts):
    """Mean |observed - predicted| share over ten equal-width bins, weighted by rows.

    Binary: of the positive class; more classes: of the predicted one (Naeini et al. 2015).
    """
    if scores.shape[1] == 2:
        sure, hit = scores[:, 1], y == 1
    else:
        sure, hit = scores.max(axis=1), scores.argmax(axis=1) == y
    bins = np.eye(10)[np.clip((sure * 10).astype(int), 0, 9)]
    return abs(counts @ (bins * (hit - sure)[:, None])).sum(axis=1) / counts.sum(axis=1)


def _r2(y, scores, contract, counts):
    """Share of the variance that is explained; NaN where `y` has none."""
    centred = y - y.mean()
    squares = counts @ centred**2
    spread = squares - (counts @ centred) ** 2 / counts.sum(axis=1)
    spread[spread <= squares * 1e-9] = math.nan  # none, but for rounding
    return 1 - counts @ (y - scores) ** 2 / spread


def _pinball(share: float) -> Form:
    """Least where `share` of the outcomes lie below the score (Koenker and Bassett 1978)."""
    return _mean(lambda y, scores: np.maximum(share * (y - scores), (1 - share) * (scores - y)))


_CLASSIFICATION = [
    Metric("roc_auc", _ranked(_roc_auc), True),
    Metric("average_precision", _ranked(_average_precision), True),
    Metric("log_loss", _mean(_log_loss), False),
    Metric("brier", _mean(_brier), False),
    Metric("calibration_error", _calibration_error, False),
    Metric("accuracy", _decided(lambda hit, true, _: hit.sum(axis=1) / true.sum(axis=1)), True),
    Metric("balanced_accuracy", _decided(lambda hit, true, _: _over_classes(hit / true)), True),
    Metric("precision", _decided(lambda hit, _, predicted: _macro(hit / predicted)), True),
    Metric("recall", _decided(lambda hit, true, _: _macro(hit / true)), True),
    Metric("f1", _decided(lambda hit, true, made: _macro(2 * hit / (true + made))), True),
]
_REGRESSION = [
    Metric("mae", _mean(lambda y, scores: abs(y - scores)), False, "target"),
    Metric("rmse", _mean(lambda y, scores: (y - scores) ** 2, then=np.sqrt), False, "target"),
    Metric("median_ae", _one_by_one(skm.median_absolute_error), False, "target"),
    Metric("r2", _r2, True),
    Metric("bias", _mean(lambda y, scores: y - scores, then=np.abs), False, "target"),
    Metric("pinball_10", _pinball(0.1), False, "target"),
    Metric("pinball_90", _pinball(0.9), False, "target"),
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
