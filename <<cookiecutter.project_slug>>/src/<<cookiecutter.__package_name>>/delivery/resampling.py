"""Intervals by the paired bootstrap: how far a number from these rows may be from the truth.

Rows are drawn with replacement, and challenger and champion are scored on the same draws, so
that what is hard for both cancels out (Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapters 6 and 13). The interval is the standard one, estimate +- z * bootstrap standard
error. Percentiles would need many more resamples in the far tails that a correction for many
slices asks for, and lie beside the estimate for a biased metric such as calibration error.

Rows count as independent. Rows that belong together (a day, a customer) make the true
interval wider than the one given here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..pipeline.metrics import Metric
from .weighted import Form, Sample, form

CELLS = 2_000_000  # counts held in memory at a time: 16 MB
MAX_UNDEFINED = 0.01  # share of resamples without a value, above which there is no interval


@dataclass(frozen=True)
class Interval:
    """An estimate with its bounds; NaN bounds where the rows do not define them."""

    estimate: float
    low: float
    high: float
    n_rows: int

    @property
    def defined(self) -> bool:
        return all(math.isfinite(value) for value in (self.estimate, self.low, self.high))


@dataclass(frozen=True)
class Bootstrap:
    """How to draw: number of resamples, seed, and the two-sided confidence of intervals.

    The result depends on the set of rows, not on their order.
    """

    resamples: int
    seed: int
    confidence: float

    def metric(self, metric: Metric, sample: Sample, family: int = 1) -> Interval:
        """Interval of a metric of one model.

        `family` intervals hold together at the confidence (Bonferroni; Dunn 1961).
        """
        sample = sample.take(_canonical(sample.y, sample.scores))
        values = self._replicates([form(metric, sample)], len(sample))[0]
        return self._interval(sample.value(metric), values, len(sample), family)

    def gain(self, metric: Metric, new: Sample, old: Sample, family: int = 1) -> Interval:
        """Interval of how much better `new` is than `old` on the same rows; positive is better.

        Raises ValueError where the samples differ in length.
        """
        if len(new) != len(old):
            raise ValueError(f"{len(new)} rows of one model, {len(old)} of the other")
        order = _canonical(new.y, new.scores, old.scores)
        new, old = new.take(order), old.take(order)
        forms = [form(metric, new), form(metric, old)]
        values = self._replicates(forms, len(new))
        estimate = metric.sign * (new.value(metric) - old.value(metric))
        return self._interval(estimate, metric.sign * (values[0] - values[1]), len(new), family)

    def difference(self, metric: Metric, one: Sample, other: Sample, family: int = 1) -> Interval:
        """Interval of `one` minus `other`, each on rows of its own (two groups of people, say)."""
        parts = [self.metric(metric, one), self.metric(metric, other)]
        estimate = parts[0].estimate - parts[1].estimate
        half = math.hypot(*(part.high - part.estimate for part in parts))
        half *= _quantile(self.confidence, family) / _quantile(self.confidence, 1)
        rows = len(one) + len(other)
        return Interval(estimate, estimate - half, estimate + half, rows)

    def _replicates(self, forms: Sequence[Form], n_rows: int) -> np.ndarray:
        """Values of each form on the same resamples, (n_forms, n_resamples)."""
        values = np.full((len(forms), self.resamples), math.nan)
        rng = np.random.default_rng(self.seed)
        step = max(1, CELLS // max(1, n_rows))
        for start in range(0, self.resamples if n_rows else 0, step):
            stop = min(start + step, self.resamples)
            weights = _draw(rng, stop - start, n_rows)
            with np.errstate(all="ignore"):
                values[:, start:stop] = [one(weights) for one in forms]
        return values

    def _interval(self, estimate: float, values: np.ndarray, n_rows: int, family: int) -> Interval:
        finite = values[np.isfinite(values)]
        if not math.isfinite(estimate) or len(finite) < (1 - MAX_UNDEFINED) * len(values):
            return Interval(estimate, math.nan, math.nan, n_rows)
        half = _quantile(self.confidence, family) * float(finite.std(ddof=1))
        return Interval(estimate, estimate - half, estimate + half, n_rows)


def rows_to_decide(interval: Interval, width: float) -> int | None:
    """About how many rows give an interval that is no wider than `width`; None if unknown.

    The width falls with the square root of the rows: n * ((high - low) / width)^2. With a
    margin as the width this is the textbook size n * ((z_a + z_b) * error / margin)^2 of a
    non-inferiority trial (Julious 2004, doi:10.1002/sim.1783) whose power equals its
    confidence: from there on every outcome is a decision.
    """
    if not interval.defined or width <= 0:
        return None
    return max(interval.n_rows, math.ceil(interval.n_rows * (_width(interval) / width) ** 2))


def _width(interval: Interval) -> float:
    return interval.high - interval.low


def _quantile(confidence: float, family: int) -> float:
    return NormalDist().inv_cdf(1 - (1 - confidence) / 2 / family)


def _draw(rng: np.random.Generator, resamples: int, n_rows: int) -> np.ndarray:
    """How often each row is drawn, (n_resamples, n_rows)."""
    weights = np.empty((resamples, n_rows))
    for row in weights:
        row[:] = np.bincount(rng.integers(0, n_rows, n_rows), minlength=n_rows)
    return weights


def _canonical(*arrays: np.ndarray) -> np.ndarray:
    """An order of the rows that depends on their values only."""
    columns = [column for array in arrays for column in np.atleast_2d(array.T)]
    return np.lexsort(columns[::-1])
