"""Intervals by the paired bootstrap: how far a number from these rows may be from the truth.

Rows are drawn with replacement, and challenger and champion are scored on the same draws, so
that what is hard for both cancels out (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapters 6 and 13). The interval is the standard one, estimate +- z * bootstrap standard
error: percentiles would need many more resamples in the far tails that a correction for many
slices asks for, and lie beside the estimate for a biased metric such as calibration error.
Rows count as independent: where they belong together (a day, a customer), it is too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from .contract import Contract
from .metrics import Metric

CELLS = 2_000_000  # counts held in memory at a time: 16 MB
MAX_UNDEFINED = 0.01  # share of resamples without a value, above which there is no interval


@dataclass(frozen=True)
class Contender:
    """A model on some rows: `y` and `scores` as metrics take them, by its own contract."""

    name: str
    id: str
    contract: Contract
    y: np.ndarray
    scores: np.ndarray

    def take(self, rows: np.ndarray) -> Contender:
        return replace(self, y=self.y[rows], scores=self.scores[rows])

    def value(self, metric: Metric) -> float:
        return metric(self.y, self.scores, self.contract)


@dataclass(frozen=True)
class Interval:
    """An estimate with its bounds; NaN bounds where the rows do not define them."""

    estimate: float
    low: float
    high: float
    n_rows: int

    def room(self, limit: float, sign: int) -> Interval:
        """How far it is on the good side of `limit`: above it for sign 1, below it for -1."""
        low, high = sorted((sign * (self.low - limit), sign * (self.high - limit)))
        return Interval(sign * (self.estimate - limit), low, high, self.n_rows)

    def minus(self, other: Interval) -> Interval:
        """The difference from an interval of other, independent rows."""
        gap = self.estimate - other.estimate
        half = math.hypot(self.high - self.estimate, other.high - other.estimate)
        return Interval(gap, gap - half, gap + half, self.n_rows + other.n_rows)

    def rows_to_decide(self, width: float) -> int:
        """About how many rows give an interval that is no wider than `width`.

        For a margin that is the size n * ((z_a + z_b) * error / margin)^2 of a non-inferiority
        trial whose power equals its confidence (Julious 2004, doi:10.1002/sim.1783).
        """
        return math.ceil(self.n_rows * max(1, (self.high - self.low) / width) ** 2)


@dataclass(frozen=True)
class Bootstrap:
    """How to draw: number of resamples, seed, and the two-sided confidence of intervals."""

    resamples: int
    seed: int
    confidence: float

    def interval(self, metric: Metric, *models: Contender, family: int = 1) -> Interval:
        """Interval of a metric of one model, or of how much better it is than a second one.

        `family` intervals hold together at the confidence (Bonferroni; Dunn 1961). The order
        of the rows is irrelevant.
        """
        order = np.lexsort(np.column_stack([models[0].y, *(m.scores for m in models)]).T)
        signs = (metric.sign, -metric.sign) if len(models) == 2 else (1,)
        signed = [(sign, model.take(order)) for sign, model in zip(signs, models, strict=True)]
        estimate = sum(sign * model.value(metric) for sign, model in signed)
        half = math.nan
        if math.isfinite(estimate):
            values = np.concatenate([
                sum(sign * resampled(metric, model, counts) for sign, model in signed)
                for counts in self._draws(len(order))
            ])  # fmt: skip
            values = values[np.isfinite(values)]
            if len(values) >= (1 - MAX_UNDEFINED) * self.resamples:
                z = NormalDist().inv_cdf(1 - (1 - self.confidence) / 2 / family)
                half = z * float(values.std(ddof=1))
        return Interval(estimate, estimate - half, estimate + half, len(order))

    def _draws(self, n_rows: int) -> Iterator[np.ndarray]:
        """How often each row is drawn, float (n_resamples, n_rows), in portions."""
        rng = np.random.default_rng(self.seed)
        step = max(1, CELLS // n_rows)
        for start in range(0, self.resamples, step):
            drawn = rng.integers(0, n_rows, (min(step, self.resamples - start), n_rows))
            yield np.array([np.bincount(rows, minlength=n_rows) for rows in drawn], dtype=float)


def resampled(metric: Metric, model: Contender, counts: np.ndarray) -> np.ndarray:
    """The metric of each resample, from how often it holds each row, (n_resamples, n_rows)."""
    if form := FORMS.get(metric.name):
        with np.errstate(all="ignore"):
            return form(model, counts)
    drawn = (np.repeat(np.arange(len(row)), row) for row in counts.astype(int))
    return np.array([model.take(rows).value(metric) for rows in drawn])


def _auc(model: Contender, counts: np.ndarray) -> np.ndarray:
    """Share of pairs in the right order, ties half (Mann and Whitney 1947); mean over classes."""
    areas = []
    for k in [1] if model.scores.shape[1] == 2 else range(model.scores.shape[1]):
        order = np.argsort(-model.scores[:, k])
        score, drawn = model.scores[order, k], np.take(counts, order, axis=1)
        starts = np.flatnonzero(np.r_[True, np.diff(score) != 0])
        hits = np.add.reduceat(drawn * (model.y[order] == k), starts, axis=1)
        misses = np.add.reduceat(drawn, starts, axis=1) - hits
        above = ((np.cumsum(hits, axis=1) - hits / 2) * misses).sum(axis=1)
        areas.append(above / (hits.sum(axis=1) * misses.sum(axis=1)))
    return np.nansum(areas, axis=0) / np.isfinite(areas).sum(axis=0)


def _balanced_accuracy(model: Contender, counts: np.ndarray) -> np.ndarray:
    true = np.eye(model.scores.shape[1])[model.y]
    hits = true * (model.contract.decide(model.scores) == model.y)[:, None]
    return np.nanmean(counts @ hits / (counts @ true), axis=1)


def _log_loss(model: Contender, counts: np.ndarray) -> np.ndarray:
    own = model.scores[np.arange(len(model.y)), model.y] / model.scores.sum(axis=1)
    tiny = np.finfo(own.dtype).eps
    return counts @ -np.log(np.clip(own.astype(float), tiny, 1 - tiny)) / len(own)


# All resamples at once, the same numbers; a metric without a form is scored one by one, slower.
FORMS: dict[str, Callable[[Contender, np.ndarray], np.ndarray]] = {
    "roc_auc": _auc,
    "balanced_accuracy": _balanced_accuracy,
    "log_loss": _log_loss,
    "mae": lambda model, counts: counts @ abs(model.y - model.scores) / len(model.y),
    "rmse": lambda model, counts: (counts @ (model.y - model.scores) ** 2 / len(model.y)) ** 0.5,
}
