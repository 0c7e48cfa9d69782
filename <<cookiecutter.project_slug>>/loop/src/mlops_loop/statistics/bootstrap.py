"""Intervals by the paired bootstrap: how far a number from these rows may be from the truth.

Rows are drawn with replacement, and challenger and champion are scored on the same draws, so
that what is hard for both cancels out (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapters 6 and 13). How an interval is made from the draws is the scale of the metric
(scales.py). None takes percentiles: in the far tails that a correction for many slices asks for
these would need many more resamples, and they lie beside the estimate for a biased metric.
Rows that belong together (a day, a customer) are drawn together, all rows of a cluster or none:
drawn one by one, their interval would be too narrow (Field and Welsh 2007,
doi:10.1111/j.1467-9868.2007.00593.x).

Of very many rows a random part is resampled, and what is found there is scaled by the square root
of its share, as the noise of each metric shrinks (Politis, Romano and Wolf, Subsampling, 1999). The
estimate is that of all rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import Metric
from mlops_loop.statistics.resampler import Resampler
from mlops_loop.statistics.scales import Evidence
from mlops_loop.statistics.share_intervals import Bounds, mover

CELLS = 100_000  # counts held in memory at a time: 0.8 MB stay in a processor's cache
MOST_DRAWN = 20_000  # rows of which resamples are made; of more, a random part
LEAST_CASES = 2_000  # clusters, or rows, of the rarest kind in it: a standard error within 2 %
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

    def resampler(self, metric: Metric) -> Resampler:
        return metric.resampler(self.y, self.scores, self.contract)

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
        found = [_evidence(model, metric, clusters, tail) for model in models]
        drawn = self._drawn(metric, models, clusters, found)
        known = np.all([np.isfinite(metric.scale.combine(parts)) for parts in drawn], axis=0)
        enough = known.mean() >= 1 - MAX_UNDEFINED and clusters[-1] > 0
        pairs = zip(found, drawn, strict=True)
        return [replace(one, drawn=parts[known]) for one, parts in pairs] if enough else None

    def _drawn(
        self, metric: Metric, models: Sequence[Contender], clusters: np.ndarray,
        found: Sequence[Evidence],
    ) -> list[np.ndarray]:  # fmt: skip
        """Of each model the parts of the metric in every resample, (n_resamples, n_parts)."""
        n_clusters = clusters[-1] + 1
        n = _how_many(n_clusters, len(clusters), found)
        if n == n_clusters:
            return self._resampled(metric, models, clusters)
        some = np.zeros(n_clusters, dtype=bool)
        some[np.random.default_rng(self.seed).choice(n_clusters, n, replace=False)] = True
        rows = np.flatnonzero(some[clusters])
        taken, numbers = [model.take(rows) for model in models], _numbered(clusters[rows])
        drawn = self._resampled(metric, taken, numbers)
        shrink, pairs = math.sqrt(n / n_clusters), zip(drawn, taken, found, strict=True)
        return [one.parts + shrink * (d - _parts(model, metric)) for d, model, one in pairs]

    def _resampled(
        self, metric: Metric, models: Sequence[Contender], clusters: np.ndarray
    ) -> list[np.ndarray]:
        each = [model.resampler(metric).of_clusters(clusters) for model in models]
        portions = [[one(counts) for one in each] for counts in self._draws(clusters)]
        return [np.concatenate(parts) for parts in zip(*portions, strict=True)]

    def _draws(self, clusters: np.ndarray) -> Iterator[np.ndarray]:
        """How often each cluster is drawn, float (n_resamples, n_clusters), in portions.

        clusters: (n_rows,), numbered from 0 and in order.
        """
        rng = np.random.default_rng(self.seed)
        n_clusters, step = clusters[-1] + 1, max(1, CELLS // len(clusters))
        for start in range(0, self.resamples, step):
            drawn = rng.integers(0, n_clusters, (min(step, self.resamples - start), n_clusters))
            yield np.array([np.bincount(row, minlength=n_clusters) for row in drawn], float)


def _evidence(model: Contender, metric: Metric, clusters: np.ndarray, tail: float) -> Evidence:
    """All but what is drawn."""
    sets, parts = model.sets(metric), _parts(model, metric)
    n_clusters = np.array([np.count_nonzero(np.bincount(clusters[rows])) for rows in sets.T])
    return Evidence(
        parts, parts[None], sets.sum(axis=0), n_clusters, tail,
        _implied(metric, model), _skewness(metric, model, clusters),
    )  # fmt: skip


def _parts(model: Contender, metric: Metric) -> np.ndarray:
    """(n_parts,) of the metric on all rows of a model."""
    return model.resampler(metric)(np.ones((1, len(model.y))))[0]


def _how_many(n_clusters: int, n_rows: int, found: Sequence[Evidence]) -> int:
    """Of how many clusters resamples are made, so that few cases are not left out."""
    known = np.concatenate([one.clusters[one.clusters > 0] for one in found])
    share = max(MOST_DRAWN / n_rows, LEAST_CASES / max(known.min(initial=n_clusters), 1))
    return min(n_clusters, math.ceil(share * n_clusters))


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
    return order, _numbered(clusters[order])


def _numbered(clusters: np.ndarray) -> np.ndarray:
    """Numbers from 0, in order, of clusters that are in order."""
    return np.cumsum(np.diff(clusters, prepend=clusters[:1]) != 0)
