"""Scales of metrics that are shares, or means of numbers in [0, 1] that behave like shares."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlops_loop.statistics.scales import Evidence, Scale, Transform, deviations
from mlops_loop.statistics.share_intervals import Bounds, Sides, correlations, exact, mover, wilson

FEW_MISSES = 5  # from about so many on, the bootstrap alone tells how sure a ranking is
HALVINGS = 60  # of [0, 1]; a double has no more digits


class Bounded(Scale):
    """A mean of parts in [0, 1], each with an interval of its own; combined by `mover`."""

    def sides(self, evidence: Evidence) -> Sides:
        """Lower and upper bounds of the parts."""
        raise NotImplementedError

    def bounds(self, evidence: Evidence) -> Bounds:
        known = np.isfinite(evidence.parts)
        low, high = (side[known] for side in self.sides(evidence))
        weights = np.full(known.sum(), 1 / known.sum())
        related = correlations(evidence.drawn[:, known])
        low, high = np.clip(mover(weights, evidence.parts[known], low, high, related), 0, 1)
        return float(low), float(high)  # a sum of shares may be above 1 by its last digit

    def difference(self, new: Evidence, old: Evidence, implied: float = 0.0) -> Bounds:
        both = (new, old)
        low, high = np.array([self.bounds(one) for one in both]).T
        values = np.array([self.value(one.parts) for one in both])
        drawn = np.column_stack([self.combine(one.drawn) for one in both])
        return mover(np.array([1.0, -1.0]), values, low, high, correlations(drawn))


@dataclass(frozen=True)
class Shares(Bounded):
    """Shares of hits, each of its own set of cases: exact intervals, right for any number of them.

    With clusters, those of as many independent cases as tell as much (Korn and Graubard 1998).
    to_share and from_share: where a part is not the share itself, but grows with it.
    """

    to_share: Transform = np.asarray
    from_share: Transform = np.asarray

    def sides(self, evidence: Evidence) -> Sides:
        share, clustered = self.to_share(evidence.parts), evidence.clusters < evidence.cases
        error = deviations(self.to_share(evidence.drawn))
        effect = np.where(clustered, self._effect(share, error, evidence), 1)
        few = evidence.t(evidence.clusters) / evidence.z
        cases = evidence.cases / effect / np.where(clustered, few, 1) ** 2
        low, high = exact(share, cases, evidence.tail)
        return self.from_share(low), self.from_share(high)

    def difference(self, new: Evidence, old: Evidence, implied: float = 0.0) -> Bounds:
        """The standard interval with one more case for each side on which the models differ.

        So it has a width where they agree (Bonett and Price 2012, doi:10.3102/1076998611411915).
        """
        gain = self.value(new.parts) - self.value(old.parts)
        drawn = self.combine(new.drawn) - self.combine(old.drawn)
        varies, known = drawn.std() > 0, np.isfinite(new.parts)
        cases = (new.cases if varies else new.clusters)[known]
        more = math.sqrt((2 / (cases + 2) ** 2).sum()) / known.sum()
        half = float(new.t() * math.hypot(drawn.std(ddof=1), more))
        return max(-1.0, gain - half), min(1.0, gain + half)

    def _effect(self, share: np.ndarray, error: np.ndarray, evidence: Evidence) -> np.ndarray:
        """Design effects, at least 1; where nothing varies, a cluster counts as one case."""
        cases = np.maximum(evidence.cases, 1)
        most = cases / np.maximum(evidence.clusters, 1)
        spread = share * (1 - share) / cases
        effect = np.divide(error**2, spread, out=most.copy(), where=spread > 0)
        return np.maximum(effect, 1)


class Ranks(Bounded):
    """Areas under ROC curves: method 5 of Newcombe 2006, doi:10.1002/sim.2324.

    Its variance is that of Hanley and McNeil 1982, times what the bootstrap finds beside it; with
    few misses the bootstrap alone knows too little. Sets: cases and others of each part, in turn.
    """

    def sides(self, evidence: Evidence) -> Sides:
        cases, clusters = (n.reshape(-1, 2) for n in (evidence.cases, evidence.clusters))
        rows = zip(evidence.parts, evidence.errors(), cases, clusters, strict=True)
        low, high = zip(*(self._area(evidence, *row) for row in rows), strict=True)
        return np.array(low), np.array(high)

    def _area(
        self, evidence: Evidence, area: float, error: float, cases: np.ndarray, clusters: np.ndarray
    ) -> Bounds:
        if not math.isfinite(area):
            return math.nan, math.nan
        counts = cases if error else clusters
        misses = counts.min() * min(area, 1 - area)
        usual = _area_variance(area, *counts)
        effect = max(error**2 / usual, FEW_MISSES / (FEW_MISSES + misses)) if usual else 1.0
        scale = float(evidence.t(clusters.min())) ** 2 * effect

        def beyond(bound: float) -> float:
            return (area - bound) ** 2 - scale * _area_variance(bound, *counts)

        low = _root(beyond, 0, min(area, 1 - 1e-9)) if area > 0 else 0.0
        high = _root(beyond, max(area, 1e-9), 1) if area < 1 else 1.0
        return low, high


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes its sign between two shares, to the last digits.

    By halving: scipy.optimize takes longer to load than a gate to decide.
    """
    sign = function(low) > 0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if (function(middle) > 0) == sign else (low, middle)
    return (low + high) / 2


def _area_variance(area: float, cases: float, others: float) -> float:
    """Of an area under a ROC curve, with the mean of both counts in both terms (Newcombe 2006)."""
    pairs = (cases + others) / 2 - 1
    more = pairs * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) / (cases * others) * (1 + more)


class Precisions(Bounded):
    """Average precisions: the score interval of at most as many cases as there are positives.

    Boyd, Eng and Page 2013, doi:10.1007/978-3-642-40994-3_29. Sets: as those of Ranks.
    """

    def sides(self, evidence: Evidence) -> Sides:
        positives, clusters = (n.reshape(-1, 2)[:, 0] for n in (evidence.cases, evidence.clusters))
        spread, error = evidence.parts * (1 - evidence.parts), evidence.errors()
        effective = np.divide(spread, error**2, out=clusters.astype(float), where=error > 0)
        effective = np.minimum(effective, positives)
        return wilson(evidence.parts, effective, evidence.t(clusters))
