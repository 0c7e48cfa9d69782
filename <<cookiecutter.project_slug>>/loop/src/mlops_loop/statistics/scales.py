"""How the interval of a metric is made from its bootstrap: inside the metric's range, everywhere.

The standard interval, estimate +- t * bootstrap standard error, leaves the range near its ends
and has no width where every case is a hit. Each kind of metric has a formula that holds there;
the bootstrap says how much these rows tell, compared with as many independent ones: the design
effect (Korn and Graubard 1998, Survey Methodology 24, 193-201). How often each interval holds the
truth is simulated in the template's docs/gate-statistics.md.

t is Student's, with one degree of freedom less than there are rows or clusters of what the metric
rests on: few clusters give wide intervals (Cameron, Gelbach and Miller 2008,
doi:10.1162/rest.90.3.414).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlops_loop.statistics.share_intervals import Bounds, wilson

Transform = Callable[[np.ndarray], np.ndarray]
NORMAL = statistics.NormalDist()


@dataclass(frozen=True)
class Evidence:
    """What an interval of a metric is made from.

    parts: (n_parts,) numbers that make up the metric, as the recall of each class; NaN where the
    rows do not define one. drawn: (n_resamples, n_parts) the same of resamples. cases: (n_sets,)
    how many rows are in each set that the metric rests on, as the positive ones; clusters:
    (n_sets,) how many clusters have such rows; without clusters the same. implied: standard errors
    of the parts, () or (n_parts,), if the model's own probabilities were right; 0: unknown.
    tail: probability beyond each bound. skewness: of the sampling distribution of a mean.
    """

    parts: np.ndarray
    drawn: np.ndarray
    cases: np.ndarray
    clusters: np.ndarray
    tail: float
    implied: np.ndarray | float = 0.0
    skewness: float = 0.0

    def t(self, clusters: np.ndarray | None = None) -> np.ndarray:
        """Quantile of Student's distribution for so many clusters, by default the fewest."""
        from scipy import special  # scipy.stats takes four times as long to load

        known = self.clusters[self.clusters > 0].min() if clusters is None else clusters
        fewest = np.maximum(known, 2)
        return -special.stdtrit(fewest - 1, self.tail) * np.sqrt(fewest / (fewest - 1))

    @property
    def z(self) -> float:
        """Quantile of the normal distribution."""
        return -NORMAL.inv_cdf(self.tail)

    def errors(self) -> np.ndarray:
        """Standard errors of the parts, (n_parts,)."""
        return np.maximum(deviations(self.drawn), self.implied)


def deviations(drawn: np.ndarray) -> np.ndarray:
    """Standard deviations, (n_parts,), of (n_resamples, n_parts), without those that are NaN."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(drawn).sum(axis=0)
        noise = drawn - np.nansum(drawn, axis=0) / known
        return np.sqrt(np.nansum(noise**2, axis=0) / np.maximum(known - 1, 1))


class Scale:
    """A metric without a known range: the standard interval around the mean of its parts."""

    def combine(self, parts: np.ndarray) -> np.ndarray:
        """The metric of each resample, (n_resamples,), from (n_resamples, n_parts)."""
        with np.errstate(invalid="ignore"):
            return np.nansum(parts, axis=1) / np.isfinite(parts).sum(axis=1)

    def value(self, parts: np.ndarray) -> float:
        """The metric from its parts, (n_parts,)."""
        return float(self.combine(parts[None])[0])

    def bounds(self, evidence: Evidence) -> Bounds:
        """Lower and upper bound of the metric."""
        value = self.value(evidence.parts)
        half = float(evidence.t() * self.combine(evidence.drawn).std(ddof=1))
        return value - half, value + half

    def difference(self, new: Evidence, old: Evidence, implied: float = 0.0) -> Bounds:
        """Bounds of metric of `new` - metric of `old`, on the same rows.

        implied: the least standard error that the difference can have.
        """
        gain = self.value(new.parts) - self.value(old.parts)
        drawn = self.combine(new.drawn) - self.combine(old.drawn)
        half = float(new.t() * max(drawn.std(ddof=1), implied))
        return gain - half, gain + half


PLAIN = Scale()


@dataclass(frozen=True)
class Mean(Scale):
    """A mean of losses of rows, or a function `then` of it that grows with it.

    Losses are skewed: many small ones and few large ones. Hall's transformation takes the skewness
    out of the studentised mean (Hall 1992, doi:10.1111/j.2517-6161.1992.tb01872.x). highest: of
    one loss; where no row has any, the bound is that of a share of rows with the highest.
    """

    then: Transform = np.asarray
    highest: float = math.inf

    def combine(self, parts: np.ndarray) -> np.ndarray:
        return self.then(parts[:, 0])

    def bounds(self, evidence: Evidence) -> Bounds:
        low, high = _without_skewness(evidence)
        if evidence.parts[0] < 1e-6 and math.isfinite(self.highest):
            high = self.highest * float(wilson(0.0, evidence.clusters.min(), evidence.t())[1])
        low, high = self.then(np.clip([low, high], 0, self.highest))
        return float(low), float(high)


def _without_skewness(evidence: Evidence) -> Bounds:
    """Hall's interval of a mean."""
    (mean,), (error,), t = evidence.parts, evidence.errors(), float(evidence.t())
    skewness = evidence.skewness
    if abs(skewness) < 1e-3:
        return mean - t * error, mean + t * error
    low, high = (3 / skewness * (np.cbrt(1 + skewness * (x - skewness / 6)) - 1) for x in (t, -t))
    return mean - error * low, mean - error * high


@dataclass(frozen=True)
class Ranged(Scale):
    """Any metric in [low, high]: as a share of that range. One end may be infinite: logarithms."""

    low: float = 0.0
    high: float = 1.0

    def bounds(self, evidence: Evidence) -> Bounds:
        value, t = self.value(evidence.parts), float(evidence.t())
        error = float(self.combine(evidence.drawn).std(ddof=1))
        if math.isinf(self.high):
            return self._from(self.low, 1, value, t * error)
        if math.isinf(self.low):
            return self._from(self.high, -1, value, t * error)
        width = self.high - self.low
        share, spread = (value - self.low) / width, (error / width) ** 2
        n = share * (1 - share) / spread if spread else evidence.clusters.min()
        low, high = wilson(share, n, t)
        return self.low + width * float(low), self.low + width * float(high)

    def _from(self, end: float, sign: int, value: float, half: float) -> Bounds:
        """Bounds that are as far from the only end, relative to the value, on both sides."""
        distance = abs(value - end)
        factor = math.exp(half / distance) if distance else 1.0
        low, high = sorted(end + sign * distance * f for f in (1 / factor, factor))
        return low, high


class Absolute(Scale):
    """The absolute value of a mean, as of a bias; it has no sign, so the bounds have none."""

    def combine(self, parts: np.ndarray) -> np.ndarray:
        return abs(parts[:, 0])

    def bounds(self, evidence: Evidence) -> Bounds:
        low, high = _without_skewness(evidence)
        near, far = sorted((abs(low), abs(high)))
        return (0.0 if low <= 0 <= high else near), far


@dataclass(frozen=True)
class Deviations(Scale):
    """A sum of absolute values, as of biases in bins: noise makes it larger, never smaller.

    The upper bound takes the noise of the signs that the parts have, which no truth exceeds. The
    lower one is below all truths within the noise: |parts - truth| adds up to no more than its
    quantile, since the sum of absolute values is a norm.
    """

    highest: float = math.inf

    def combine(self, parts: np.ndarray) -> np.ndarray:
        return abs(parts).sum(axis=1)

    def bounds(self, evidence: Evidence) -> Bounds:
        value, errors, t = self.value(evidence.parts), evidence.errors(), float(evidence.t())
        noise = evidence.drawn - evidence.parts
        widen = np.sqrt((errors**2).sum() / max((noise.std(axis=0) ** 2).sum(), 1e-300))
        along = (noise @ np.sign(evidence.parts)).std(ddof=1)
        upper = value + t * max(along, math.sqrt((errors**2).sum()))
        z, total = evidence.z, abs(noise).sum(axis=1) * min(widen, 1e6)
        lower = value - t / z * (total.mean() + z * total.std(ddof=1))
        if value < 1e-9:
            upper = self.highest * float(wilson(0.0, evidence.clusters.min(), t)[1])
        return max(0.0, float(lower)), min(self.highest, float(upper))
