"""Intervals by the paired bootstrap: how far a number from these rows may be from the truth.

Rows are drawn with replacement, and challenger and champion are scored on the same draws, so
that what is hard for both cancels out (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapters 6 and 13). The interval is the standard one, estimate +- z * bootstrap standard
error: percentiles would need many more resamples in the far tails that a correction for many
slices asks for, and lie beside the estimate for a biased metric such as calibration error.
Rows that belong together (a day, a customer) are drawn together, all rows of a cluster or none:
drawn one by one, their interval would be too narrow (Field and Welsh 2007,
doi:10.1111/j.1467-9868.2007.00593.x). z is Student's t with one degree of freedom less
than there are rows or clusters: few clusters give wide intervals (Cameron, Gelbach and Miller 2008,
doi:10.1162/rest.90.3.414).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import Metric

CELLS = 100_000  # counts held in memory at a time: 0.8 MB stay in a processor's cache
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

    def resampled(self, metric: Metric, counts: np.ndarray) -> np.ndarray:
        return metric.resampled(self.y, self.scores, self.contract, counts)


Signed = list[tuple[int, Contender]]  # what is added up: models with their signs


@dataclass(frozen=True)
class Interval:
    """An estimate with its bounds; NaN bounds where the rows do not define them."""

    estimate: float
    low: float
    high: float
    n_rows: int

    def margin_to(self, limit: float, sign: int) -> Interval:
        """How far it is on the good side of `limit`: above it for sign 1, below it for -1."""
        low, high = sorted((sign * (self.low - limit), sign * (self.high - limit)))
        return Interval(sign * (self.estimate - limit), low, high, self.n_rows)

    def minus(self, other: Interval) -> Interval:
        """The difference from an interval of other rows, as if they were independent."""
        gap = self.estimate - other.estimate
        half = math.hypot(self.high - self.estimate, other.high - other.estimate)
        return Interval(gap, gap - half, gap + half, self.n_rows + other.n_rows)

    def rows_to_decide(self, width: float) -> int:
        """About how many rows give an interval that is no wider than `width`.

        Where rows come in clusters: in more clusters of the same size. For a margin that is
        the size n * ((z_a + z_b) * error / margin)^2 of a non-inferiority trial whose power
        equals its confidence (Julious 2004, doi:10.1002/sim.1783).
        """
        return math.ceil(self.n_rows * max(1, (self.high - self.low) / width) ** 2)


@dataclass(frozen=True)
class Bootstrap:
    """How to draw: number of resamples, seed, and the two-sided confidence of intervals."""

    resamples: int
    seed: int
    confidence: float

    def interval(
        self, metric: Metric, *models: Contender,
        clusters: np.ndarray | None = None, family: int = 1,
    ) -> Interval:  # fmt: skip
        """Interval of a metric of one model, or of how much better it is than a second one.

        clusters: (n_rows,) numbers; rows of the same number are drawn together. None draws each
        row by itself. NaN bounds for a single cluster. `family` intervals hold together at the
        confidence (Bonferroni; Dunn 1961). The order of the rows is irrelevant.
        """
        order, drawn = _in_order(models, clusters)
        signs = (metric.sign, -metric.sign) if len(models) == 2 else (1,)
        signed = [(sign, model.take(order)) for sign, model in zip(signs, models, strict=True)]
        estimate = sum(sign * model.value(metric) for sign, model in signed)
        half = math.nan
        if math.isfinite(estimate):
            tail = (1 - self.confidence) / 2 / family
            half = float(stats.t.isf(tail, drawn[-1]) * self._error(metric, signed, drawn))
        return Interval(estimate, estimate - half, estimate + half, len(order))

    def _error(self, metric: Metric, signed: Signed, drawn: np.ndarray) -> float:
        """The standard error; NaN where too many resamples do not define the metric."""
        values = np.concatenate([
            sum(sign * model.resampled(metric, counts) for sign, model in signed)
            for counts in self._draws(drawn)
        ])  # fmt: skip
        values = values[np.isfinite(values)]
        if len(values) < (1 - MAX_UNDEFINED) * self.resamples:
            return math.nan
        return values.std(ddof=1)

    def _draws(self, clusters: np.ndarray) -> Iterator[np.ndarray]:
        """How often each row is drawn, float (n_resamples, n_rows), in portions.

        clusters: (n_rows,), numbered from 0 and in order.
        """
        rng = np.random.default_rng(self.seed)
        n_clusters, step = clusters[-1] + 1, max(1, CELLS // len(clusters))
        for start in range(0, self.resamples, step):
            drawn = rng.integers(0, n_clusters, (min(step, self.resamples - start), n_clusters))
            counts = np.array([np.bincount(row, minlength=n_clusters) for row in drawn], float)
            yield counts[:, clusters]


def _in_order(
    models: Sequence[Contender], clusters: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """An order of the rows that depends on their values only, and what is drawn together in it.

    The second is (n_rows,), numbered from 0 and in order: clusters, or rows without these.
    """
    order = np.lexsort(np.column_stack([models[0].y, *(m.scores for m in models)]).T)
    if clusters is None:
        return order, np.arange(len(order))
    order = order[np.argsort(clusters[order], kind="stable")]
    return order, np.unique(clusters[order], return_inverse=True)[1]
