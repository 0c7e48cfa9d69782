"""Intervals by the paired bootstrap: how far a number from these rows may be from the truth.

Rows are drawn with replacement, and challenger and champion are scored on the same draws, so
that what is hard for both cancels out (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapters 6 and 13). How an interval is made from the draws is the scale of the metric
(scales.py). None takes percentiles: in the far tails that a correction for many slices asks for
these would need many more resamples, and they lie beside the estimate for a biased metric.
Rows that belong together (a day, a customer) are drawn together, all rows of a cluster or none:
drawn one by one, their interval would be too narrow (Field and Welsh 2007,
doi:10.1111/j.1467-9868.2007.00593.x).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import Metric
from mlops_loop.statistics.scales import Evidence
from mlops_loop.statistics.share_intervals import Bounds, mover

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

    def parts(self, metric: Metric, counts: np.ndarray) -> np.ndarray:
        return metric.parts(self.y, self.scores, self.contract, counts)

    def sets(self, metric: Metric) -> np.ndarray:
        return metric.sets(self.y, self.scores, self.contract)

    def cases(self, metric: Metric) -> int:
        """How many rows there are of the rarest kind that the metric rests on, as positive ones.

        Of those that there are: a class without a row has no part in a mean over the classes.
        """
        sizes = self.sets(metric).sum(axis=0)
        return int(min(sizes[sizes > 0], default=0))


@dataclass(frozen=True)
class Interval:
    """An estimate with its bounds; NaN bounds where the rows do not define them.

    n_cases: how many of the rows the estimate rests on, as the positive ones; None: all of them.
    """

    estimate: float
    low: float
    high: float
    n_rows: int
    n_cases: int | None = None

    def margin_to(self, limit: float, sign: int) -> Interval:
        """How far it is on the good side of `limit`: above it for sign 1, below it for -1."""
        low, high = sorted((sign * (self.low - limit), sign * (self.high - limit)))
        return Interval(sign * (self.estimate - limit), low, high, self.n_rows, self.n_cases)

    def minus(self, other: Interval) -> Interval:
        """The difference from an interval of other rows, as if they were independent."""
        both = np.array([[i.estimate, i.low, i.high] for i in (self, other)])
        low, high = mover(np.array([1.0, -1.0]), *both.T)
        cases = min(i.n_rows if i.n_cases is None else i.n_cases for i in (self, other))
        rows = self.n_rows + other.n_rows
        return Interval(self.estimate - other.estimate, low, high, rows, cases)

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
        confidence (Bonferroni; Dunn 1961). The order of the rows is irrelevant. Two models with
        the same scores and decisions differ by exactly nothing.
        """
        order, drawn = _in_order(models, clusters)
        models = tuple(model.take(order) for model in models)
        values = [model.value(metric) for model in models]
        estimate = values[0] if len(values) == 1 else metric.sign * (values[0] - values[1])
        cases = min(model.cases(metric) for model in models)
        bounds = (math.nan, math.nan)
        if math.isfinite(estimate):
            bounds = self._bounds(metric, models, drawn, (1 - self.confidence) / 2 / family)
        return Interval(estimate, *bounds, len(order), cases)

    def _bounds(
        self, metric: Metric, models: Sequence[Contender], clusters: np.ndarray, tail: float
    ) -> Bounds:
        """NaN where too many resamples do not define the metric, or a cluster stands alone."""
        evidence = self._evidence(metric, models, clusters, tail)
        if evidence is None:
            return math.nan, math.nan
        if len(models) == 1:
            return metric.scale.bounds(evidence[0])
        if _same(models, evidence):
            return 0.0, 0.0
        low, high = metric.scale.difference(evidence[0], evidence[1], _implied(metric, *models))
        return (low, high) if metric.sign > 0 else (-high, -low)

    def _evidence(
        self, metric: Metric, models: Sequence[Contender], clusters: np.ndarray, tail: float
    ) -> list[Evidence] | None:
        drawn = self._parts(metric, models, clusters)
        known = np.all([np.isfinite(metric.scale.combine(parts)) for parts in drawn], axis=0)
        found = [_evidence(m, metric, d[known], clusters, tail)
                 for m, d in zip(models, drawn, strict=True)]  # fmt: skip
        enough = known.mean() >= 1 - MAX_UNDEFINED and clusters[-1] > 0
        return found if enough else None

    def _parts(
        self, metric: Metric, models: Sequence[Contender], clusters: np.ndarray
    ) -> list[np.ndarray]:
        """Of each model the parts of the metric in every resample, (n_resamples, n_parts)."""
        portions = [
            [model.parts(metric, counts) for model in models] for counts in self._draws(clusters)
        ]
        return [np.concatenate(parts) for parts in zip(*portions, strict=True)]

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


def _evidence(
    model: Contender, metric: Metric, drawn: np.ndarray, clusters: np.ndarray, tail: float
) -> Evidence:
    sets = model.sets(metric)
    parts = model.parts(metric, np.ones((1, len(model.y))))[0]
    n_clusters = np.array([len(np.unique(clusters[rows])) for rows in sets.T])
    return Evidence(
        parts, drawn, sets.sum(axis=0), n_clusters, tail,
        _implied(metric, model), _skewness(metric, model, clusters),
    )  # fmt: skip


def _skewness(metric: Metric, model: Contender, clusters: np.ndarray) -> float:
    """Of the sampling distribution of a mean, from the sums of its clusters; 0 for another metric.

    Exact, where that of the draws would be noise for the most part.
    """
    if metric.losses is None:
        return 0.0
    losses = metric.losses(model.y, model.scores)
    sums = np.bincount(clusters, weights=losses - losses.mean())
    spread = (sums**2).sum() ** 1.5
    return float((sums**3).sum() / spread) if spread else 0.0


def _same(models: Sequence[Contender], evidence: Sequence[Evidence]) -> bool:
    """Whether two models have the same scores, and the metric takes these alike."""
    new, old = evidence
    same = np.array_equal(models[0].scores, models[1].scores)
    return same and np.array_equal(new.drawn, old.drawn)


def _implied(metric: Metric, *models: Contender) -> Any:
    """The standard errors that the scores imply; 0 where the metric knows none."""
    return metric.implied(*(model.scores for model in models)) if metric.implied else 0.0


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
