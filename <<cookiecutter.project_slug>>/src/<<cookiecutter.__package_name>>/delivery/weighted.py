"""Metrics of many resamples at once: a resample is a row of counts, one count per data row.

A form takes `weights` (n_resamples, n_rows) of whole numbers and gives the metric of each
resample, (n_resamples,), NaN where it is undefined. Most metrics are a function of totals, so
that one matrix product serves all resamples; rank metrics sort once and add up counts.

A metric without a form here, and one whose form does not give the metric's own value on the
rows as they are, is computed resample by resample: slower, and never another number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..contract import Contract
from ..pipeline.metrics import Metric

Form = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """What a metric takes: `y` and `scores` as in `pipeline/metrics.py`, and their contract."""

    y: np.ndarray
    scores: np.ndarray
    contract: Contract

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: np.ndarray) -> Sample:
        """The sample of these rows: positions, or a boolean mask."""
        return Sample(self.y[rows], self.scores[rows], self.contract)

    def value(self, metric: Metric) -> float:
        return metric(self.y, self.scores, self.contract)


def form(metric: Metric, sample: Sample) -> Form:
    """The fastest form of a metric on this sample that gives the metric's own value."""
    make = FORMS.get(metric.name)
    if make is None or len(sample) == 0:
        return _one_by_one(metric, sample)
    with np.errstate(all="ignore"):
        fast = make(sample)
        value = float(fast(np.ones((1, len(sample))))[0])
    same = math.isclose(value, sample.value(metric), rel_tol=1e-5, abs_tol=1e-7)
    return fast if same else _one_by_one(metric, sample)


def _one_by_one(metric: Metric, sample: Sample) -> Form:
    def values(weights: np.ndarray) -> np.ndarray:
        counts = weights.astype(int)
        rows = np.arange(len(sample))
        return np.array([sample.take(np.repeat(rows, row)).value(metric) for row in counts])

    return values


def _totals(columns: np.ndarray, finish: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Form:
    """A function of the number of rows (n_resamples, 1) and of the columns' sums."""
    return lambda weights: finish(weights.sum(axis=1, keepdims=True), weights @ columns)


def _mean(values: np.ndarray, after: Callable[[np.ndarray], np.ndarray] = np.asarray) -> Form:
    return _totals(values[:, None].astype(float), lambda n, sums: after((sums / n)[:, 0]))


def _accuracy(sample: Sample) -> Form:
    return _mean(sample.contract.decide(sample.scores) == sample.y)


def _brier(sample: Sample) -> Form:
    hits = np.eye(sample.scores.shape[1])[sample.y.astype(int)]
    return _mean(((sample.scores - hits) ** 2).sum(axis=1) / 2)


def _log_loss(sample: Sample) -> Form:
    share = sample.scores / sample.scores.sum(axis=1, keepdims=True)
    own = share[np.arange(len(sample)), sample.y.astype(int)]
    tiny = np.finfo(share.dtype).eps
    return _mean(-np.log(np.clip(own.astype(float), tiny, 1 - tiny)))


def _calibration_error(sample: Sample) -> Form:
    if sample.scores.shape[1] == 2:
        sure, hit = sample.scores[:, 1], sample.y == 1
    else:
        sure, hit = sample.scores.max(axis=1), sample.scores.argmax(axis=1) == sample.y
    bins = np.clip((sure * 10).astype(int), 0, 9)
    gaps = np.eye(10)[bins] * (hit - sure.astype(float))[:, None]
    return _totals(gaps, lambda n, sums: np.abs(sums / n).sum(axis=1))


def _one_hot(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """True and decided class of each row, (n_rows, n_classes) each."""
    eye = np.eye(sample.scores.shape[1])
    return eye[sample.y.astype(int)], eye[sample.contract.decide(sample.scores)]


def _confusion(finish: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]):
    """A form from hits, decided and true rows per class, averaged like scikit-learn does."""

    def make(sample: Sample) -> Form:
        true, decided = _one_hot(sample)
        binary = true.shape[1] == 2

        def values(n: np.ndarray, sums: np.ndarray) -> np.ndarray:
            hits, chosen, rows = np.split(sums, 3, axis=1)
            ratio = np.nan_to_num(finish(hits, chosen, rows))
            seen = (chosen + rows) > 0
            return ratio[:, 1] if binary else (ratio * seen).sum(axis=1) / seen.sum(axis=1)

        return _totals(np.hstack([true * decided, decided, true]), values)

    return make


def _balanced_accuracy(sample: Sample) -> Form:
    true, decided = _one_hot(sample)

    def values(n: np.ndarray, sums: np.ndarray) -> np.ndarray:
        hits, rows = np.split(sums, 2, axis=1)
        return np.nan_to_num(hits / rows).sum(axis=1) / (rows > 0).sum(axis=1)

    return _totals(np.hstack([true * decided, true]), values)


def _ranked(rank: Callable[[np.ndarray, np.ndarray], np.ndarray]):
    """A form of a rank metric: of the positive class, or the mean over the classes present."""

    def make(sample: Sample) -> Form:
        n_classes = sample.scores.shape[1]
        classes = [1] if n_classes == 2 else range(n_classes)
        forms = [_by_rank(sample.y == k, sample.scores[:, k], rank) for k in classes]

        def values(weights: np.ndarray) -> np.ndarray:
            each = np.stack([one(weights) for one in forms])
            seen = np.isfinite(each)
            return np.where(seen, each, 0).sum(axis=0) / seen.sum(axis=0)

        return values

    return make


def _by_rank(positive: np.ndarray, score: np.ndarray, rank: Callable[..., np.ndarray]) -> Form:
    """Count positives and negatives at each distinct score, best first, and hand them on."""
    order = np.argsort(-score, kind="stable")
    hit = positive[order].astype(float)
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    tied = len(starts) < len(order)

    def values(weights: np.ndarray) -> np.ndarray:
        weights = np.take(weights, order, axis=1)
        hits = weights * hit
        misses = weights - hits
        if tied:
            hits = np.add.reduceat(hits, starts, axis=1)
            misses = np.add.reduceat(misses, starts, axis=1)
        return rank(hits, misses)

    return values


def _auc(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Share of pairs in the right order, ties half (Mann and Whitney 1947; Hanley, McNeil 1982)."""
    above = np.cumsum(hits, axis=1) - hits / 2
    return (above * misses).sum(axis=1) / (hits.sum(axis=1) * misses.sum(axis=1))


def _average_precision(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Precision at each distinct score, weighted by the recall that it adds."""
    found = np.cumsum(hits, axis=1)
    precision = np.nan_to_num(found / (found + np.cumsum(misses, axis=1)))
    one_class = misses.sum(axis=1) == 0
    return np.where(one_class, math.nan, (precision * hits).sum(axis=1) / found[:, -1])


def _r2(sample: Sample) -> Form:
    y = sample.y - sample.y.mean()
    columns = np.column_stack([y, y**2, (sample.y - sample.scores) ** 2])

    def values(n: np.ndarray, sums: np.ndarray) -> np.ndarray:
        spread = sums[:, 1] - sums[:, 0] ** 2 / n[:, 0]
        return np.where(spread > 0, 1 - sums[:, 2] / spread, math.nan)

    return _totals(columns, values)


def _median_ae(sample: Sample) -> Form:
    error = np.abs(sample.y - sample.scores)
    order = np.argsort(error)
    error = error[order]

    def values(weights: np.ndarray) -> np.ndarray:
        below = np.cumsum(np.take(weights, order, axis=1), axis=1)
        n = below[:, -1:]
        lower, upper = ((below > middle).argmax(axis=1) for middle in ((n - 1) // 2, n // 2))
        return (error[lower] + error[upper]) / 2

    return values


FORMS: dict[str, Callable[[Sample], Form]] = {
    "roc_auc": _ranked(_auc),
    "average_precision": _ranked(_average_precision),
    "log_loss": _log_loss,
    "brier": _brier,
    "calibration_error": _calibration_error,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _confusion(lambda hits, chosen, rows: hits / chosen),
    "recall": _confusion(lambda hits, chosen, rows: hits / rows),
    "f1": _confusion(lambda hits, chosen, rows: 2 * hits / (chosen + rows)),
    "mae": lambda sample: _mean(np.abs(sample.y - sample.scores)),
    "rmse": lambda sample: _mean((sample.y - sample.scores) ** 2, after=np.sqrt),
    "bias": lambda sample: _mean(sample.scores - sample.y, after=np.abs),
    "median_ae": _median_ae,
    "r2": _r2,
}
