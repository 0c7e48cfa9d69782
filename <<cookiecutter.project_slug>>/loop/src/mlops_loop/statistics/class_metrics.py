"""Decisions and metrics on probabilities of classes.

`y` holds class positions (n_rows,), `scores` probabilities (n_rows, n_classes). With two classes
the second is the positive one, predicted from the contract's threshold on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import Metric, MetricFn, by_name, mean_of


def decide(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Probabilities (n_rows, n_classes) -> positions of the predicted classes (n_rows,)."""
    if scores.shape[1] == 2:
        return (scores[:, 1] >= threshold).astype(int)
    return scores.argmax(axis=1)


def _over_classes(parts: np.ndarray) -> np.ndarray:
    """Mean over the classes, (n_resamples, n_classes), that a resample defines."""
    return np.nansum(parts, axis=1) / np.isfinite(parts).sum(axis=1)


def _macro(parts: np.ndarray) -> np.ndarray:
    """The part of the positive class of two, else the mean over the defined ones."""
    return parts[:, 1] if parts.shape[1] == 2 else _over_classes(parts)


def _decided(score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> MetricFn:
    """On decisions at the contract's threshold.

    `score` takes how many rows of each class were hit, were true and were predicted.
    """

    def metric(
        y: np.ndarray, scores: np.ndarray, contract: Contract, counts: np.ndarray
    ) -> np.ndarray:
        classes = np.arange(scores.shape[1])
        decisions = decide(scores, contract.threshold)
        true, predicted = y[:, None] == classes, decisions[:, None] == classes
        return score(*(counts @ rows.astype(float) for rows in (true & predicted, true, predicted)))

    return metric


def _ranked(area: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> MetricFn:
    """On probabilities: of the positive class for two classes, macro one-vs-rest else.

    `area` takes how many rows at each probability, the greatest first, are of the class or not.
    """

    def metric(
        y: np.ndarray, scores: np.ndarray, contract: Contract, counts: np.ndarray
    ) -> np.ndarray:
        classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
        areas = [area(*_hits_and_misses(y == k, scores[:, k], counts)) for k in classes]
        return _over_classes(np.column_stack(areas))

    return metric


def _hits_and_misses(
    positive: np.ndarray, score: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How many drawn rows at each score, the greatest first, are positive or not.

    positive, score: (n_rows,). counts: (n_resamples, n_rows). Results: (n_resamples, n_scores).
    """
    order = np.argsort(-score)
    ordered, drawn = score[order], np.take(counts, order, axis=1)
    starts = np.flatnonzero(np.r_[True, np.diff(ordered) != 0])
    hits = np.add.reduceat(drawn * positive[order], starts, axis=1)
    return hits, np.add.reduceat(drawn, starts, axis=1) - hits


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


def _calibration_error(
    y: np.ndarray, scores: np.ndarray, contract: Contract, counts: np.ndarray
) -> np.ndarray:
    """Mean |observed - predicted| share over ten equal-width bins, weighted by rows.

    Binary: of the positive class; more classes: of the predicted one (Naeini et al. 2015).
    """
    if scores.shape[1] == 2:
        sure, hit = scores[:, 1], y == 1
    else:
        sure, hit = scores.max(axis=1), scores.argmax(axis=1) == y
    bins = np.eye(10)[np.clip((sure * 10).astype(int), 0, 9)]
    return abs(counts @ (bins * (hit - sure)[:, None])).sum(axis=1) / counts.sum(axis=1)


METRICS = by_name(
    Metric("roc_auc", _ranked(_roc_auc), True),
    Metric("average_precision", _ranked(_average_precision), True),
    Metric("log_loss", mean_of(_log_loss), False),
    Metric("brier", mean_of(_brier), False),
    Metric("calibration_error", _calibration_error, False),
    Metric("accuracy", _decided(lambda hit, true, _: hit.sum(axis=1) / true.sum(axis=1)), True),
    Metric("balanced_accuracy", _decided(lambda hit, true, _: _over_classes(hit / true)), True),
    Metric("precision", _decided(lambda hit, _, predicted: _macro(hit / predicted)), True),
    Metric("recall", _decided(lambda hit, true, _: _macro(hit / true)), True),
    Metric("f1", _decided(lambda hit, true, made: _macro(2 * hit / (true + made))), True),
)
