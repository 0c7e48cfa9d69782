"""Decisions and metrics on probabilities of classes.

`y` holds class positions (n_rows,), `scores` probabilities (n_rows, n_classes). With two classes
the second is the positive one, predicted from the contract's threshold on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import LossFn, Metric, MetricFn, SetsFn, by_name, means
from mlops_loop.statistics.ranking import Ranking, average_precision, ranking, roc_auc
from mlops_loop.statistics.resampler import Resampler, of_sums
from mlops_loop.statistics.scales import Deviations, Mean
from mlops_loop.statistics.share_scales import Precisions, Ranks, Shares


def decide(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Probabilities (n_rows, n_classes) -> positions of the predicted classes (n_rows,)."""
    if scores.shape[1] == 2:
        return (scores[:, 1] >= threshold).astype(int)
    return scores.argmax(axis=1)


def _decided(score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> MetricFn:
    """On decisions at the contract's threshold.

    `score` takes how many rows of each class were hit, were true and were predicted.
    """

    def metric(y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
        true, predicted = _true_rows(y, scores, contract), _predicted_rows(y, scores, contract)
        kinds = (true & predicted, true, predicted)
        return of_sums(lambda sums: score(*np.split(sums[:, 1:], 3, axis=1)), *kinds)

    return metric


def _true_rows(y: np.ndarray, scores: np.ndarray, contract: Contract) -> np.ndarray:
    """Which rows are of each class, (n_rows, n_classes)."""
    return y[:, None] == np.arange(scores.shape[1])


def _predicted_rows(y: np.ndarray, scores: np.ndarray, contract: Contract) -> np.ndarray:
    """Which rows are predicted as each class, (n_rows, n_classes)."""
    decisions = decide(scores, contract.threshold)
    return decisions[:, None] == np.arange(scores.shape[1])


def _either(y: np.ndarray, scores: np.ndarray, contract: Contract) -> np.ndarray:
    """Which rows are of each class or predicted as it, (n_rows, n_classes)."""
    return _true_rows(y, scores, contract) | _predicted_rows(y, scores, contract)


def _macro(parts: np.ndarray) -> np.ndarray:
    """The column of the positive class of two, else those of all classes."""
    return parts[:, 1:] if parts.shape[1] == 2 else parts


def _of_macro(sets: SetsFn) -> SetsFn:
    return lambda *rows: _macro(sets(*rows))


def _ranked(area: Callable[[np.ndarray, Ranking], np.ndarray]) -> MetricFn:
    """On probabilities: of the positive class for two classes, macro one-vs-rest else."""

    def metric(y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
        rankings = [ranking(y == k, scores[:, k]) for k in _classes(scores)]
        return Resampler(lambda counts: np.column_stack([area(counts, r) for r in rankings]))

    return metric


def _classes(scores: np.ndarray) -> list[int]:
    """Positions of the positive class of two, else of all classes."""
    return [1] if scores.shape[1] == 2 else list(range(scores.shape[1]))


def _each_and_others(y: np.ndarray, scores: np.ndarray, contract: Contract) -> np.ndarray:
    """Which rows are of a class, and which are not, class by class: (n_rows, 2 * n_classes)."""
    return np.column_stack([side for k in _classes(scores) for side in (y == k, y != k)])


def _brier(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Squared error of probabilities, in [0, 1] for two classes (Brier 1950, halved)."""
    return np.sum((scores - np.eye(scores.shape[1])[y]) ** 2, axis=1) / 2


def _log_loss(y: np.ndarray, scores: np.ndarray) -> np.ndarray:
    own = scores[np.arange(len(y)), y] / scores.sum(axis=1)
    tiny = np.finfo(own.dtype).eps
    return -np.log(np.clip(own.astype(float), tiny, 1 - tiny))


def _implied_by(loss: LossFn) -> Callable[..., float]:
    """The standard error of the mean of `loss`, were the probabilities of the models right.

    It holds where no row happens to be a surprise, which the bootstrap takes for certainty. Of
    the difference of two models, were the mean of their probabilities right.
    """

    def error(*models: np.ndarray) -> float:
        n_rows, n_classes = models[0].shape
        chance = np.mean(models, axis=0, dtype=float)
        chance /= chance.sum(axis=1, keepdims=True)
        outcomes = [np.full(n_rows, k) for k in range(n_classes)]
        losses = [np.column_stack([loss(y, scores) for y in outcomes]) for scores in models]
        spread = losses[0] - losses[1] if len(losses) == 2 else losses[0]
        mean = (chance * spread).sum(axis=1, keepdims=True)
        return math.sqrt((chance * (spread - mean) ** 2).sum()) / n_rows

    return error


def _calibration_gaps(y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
    """Observed - predicted share in ten equal-width bins, weighted by rows: ten parts.

    Binary: of the positive class; more classes: of the predicted one (Naeini et al. 2015).
    """
    sure, bins = _confidence(scores)
    hit = y == 1 if scores.shape[1] == 2 else scores.argmax(axis=1) == y
    return of_sums(means, bins * (hit - sure)[:, None])


def _confidence(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the positive class of two, else of the predicted one, and its bin, as 0 and 1.

    Shapes (n_rows,) and (n_rows, 10).
    """
    sure = scores[:, 1] if scores.shape[1] == 2 else scores.max(axis=1)
    return sure, np.eye(10)[np.clip((sure * 10).astype(int), 0, 9)]


def _implied_gaps(*models: np.ndarray) -> np.ndarray | float:
    """Standard errors of the gaps, were the probabilities right: (10,). 0 for a difference."""
    if len(models) == 2:
        return 0.0
    sure, bins = _confidence(models[0])
    return np.sqrt((bins * (sure * (1 - sure))[:, None]).sum(axis=0)) / len(sure)


def _per_positive(score: Callable[..., np.ndarray]) -> MetricFn:
    return _decided(lambda *counts: _macro(score(*counts)))


F1_SHARE = Shares(to_share=lambda f1: f1 / (2 - f1), from_share=lambda hit: 2 * hit / (1 + hit))
LARGEST_LOG_LOSS = -math.log(np.finfo(float).eps)

METRICS = by_name(
    Metric("roc_auc", _ranked(roc_auc), True, scale=Ranks(), sets=_each_and_others),
    Metric(
        "average_precision", _ranked(average_precision), True,
        scale=Precisions(), sets=_each_and_others,
    ),
    Metric.mean("log_loss", _log_loss, Mean(highest=LARGEST_LOG_LOSS), "", _implied_by(_log_loss)),
    Metric.mean("brier", _brier, Mean(highest=1), "", _implied_by(_brier)),
    Metric(
        "calibration_error", _calibration_gaps, False,
        scale=Deviations(highest=1), implied=_implied_gaps, shows_skill=False,
    ),
    Metric(
        "accuracy", _decided(lambda hit, true, _: hit.sum(axis=1) / true.sum(axis=1)), True,
        scale=Shares(),
    ),
    Metric(
        "balanced_accuracy", _decided(lambda hit, true, _: hit / true), True,
        scale=Shares(), sets=_true_rows,
    ),
    Metric(
        "precision", _per_positive(lambda hit, _, predicted: hit / predicted), True,
        scale=Shares(), sets=_of_macro(_predicted_rows), shows_skill=False,
    ),
    Metric(
        "recall", _per_positive(lambda hit, true, _: hit / true), True,
        scale=Shares(), sets=_of_macro(_true_rows), shows_skill=False,
    ),
    Metric(
        "f1", _per_positive(lambda hit, true, predicted: 2 * hit / (true + predicted)), True,
        scale=F1_SHARE, sets=_of_macro(_either),
    ),
)  # fmt: skip
