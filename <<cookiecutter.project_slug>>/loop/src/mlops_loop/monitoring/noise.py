"""What a window of days can show: the noise of its mean, and the band it stays in.

A daily mean of n rows has the variance tau2 + within / n. tau2, between days, is what the days of
training showed, less the part of their own rows. Neighbours are alike: the mean of L days has
v(L) = 1 + 2 sum (1 - k/L) r^k times the variance of independent ones (autocorrelation r of a
first-order process; Wilks 2011, Statistical Methods in the Atmospheric Sciences, section 5.2.4),
and K days tell as much of a variance as K (1 - r^2) / (1 + r^2) independent ones (Bayley and
Hammersley 1946, doi:10.2307/2983560): so many degrees of freedom Student's t has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlops_loop.daily.spread import STRONGEST, Spread

LEAST_UNITS, LEAST_ROWS = 20, 20


def inflation(correlation: float, length: int) -> float:
    """How much larger the variance of a mean of neighbours is than of independent days, v(L)."""
    lags = np.arange(1, length)
    return float(1 + 2 * ((1 - lags / length) * correlation**lags).sum())


@dataclass(frozen=True)
class Noise:
    """Of one quantity: its expected mean, and how it strays.

    between: variance between days. within: of a row. correlation: of the between part of
    neighbours. freedom: degrees of freedom of Student's t. error: variance of the expected mean.
    """

    mean: float
    between: float
    within: float
    correlation: float
    freedom: float
    error: float

    @classmethod
    def of(cls, spread: Spread, unit: str, least_within: float = 0.0) -> Noise:
        """least_within: variance of a row that is assumed at least, as of a share near 0.

        Of clusters and blocks nobody knows how their days differ: all is variance of rows.
        """
        whole, k = spread.sd**2, spread.units
        own = spread.within / spread.rows
        between = max(whole - own, 0.0)
        likeness = min(STRONGEST, spread.correlation * whole / between) if between else 0.0
        freedom = max(1.0, k * (1 - likeness**2) / (1 + likeness**2) - 1)
        whole *= (k - 1) / max(k - inflation(likeness, k), 1)  # neighbours hide a part of it
        error = whole * inflation(likeness, k) / k
        if unit != "day":
            within = max(whole * spread.rows, least_within)
            return cls(spread.mean, 0.0, within, 0.0, freedom, error)
        within = max(spread.within, least_within)
        between = max(whole - own, 0.0)
        return cls(spread.mean, between, within, likeness, freedom, error)

    def weights(self, rows: np.ndarray) -> np.ndarray:
        """Of days with so many rows: the more certain their means, the more; sum 1."""
        certain = 1 / np.maximum(self.between + self.within / np.maximum(rows, 1), 1e-12)
        certain = np.where(rows > 0, certain, 0)
        return certain / certain.sum()

    def standard_error(self, rows: np.ndarray) -> float:
        """Of the mean of a window of days with so many rows, less the expected mean."""
        weights = self.weights(rows)
        spread = inflation(self.correlation, int((rows > 0).sum()))
        between = self.between * (weights**2).sum() * spread
        within = (weights**2 * self.within / np.maximum(rows, 1)).sum()
        return math.sqrt(between + within + self.error)

    def p_value(self, difference: float, error: float, sides: int) -> float:
        """Of a difference from the expected mean; one-sided upwards, or two-sided."""
        if not error:
            return 0.0 if difference > 0 or (difference and sides == 2) else 1.0
        from scipy import special

        z = difference / error if sides == 1 else abs(difference) / error
        return float(min(1.0, sides * special.stdtr(self.freedom, -z)))

    def reach(self, error: float, alpha: float, sides: int) -> float:
        """The smallest difference whose p-value is alpha."""
        from scipy import special

        return -float(special.stdtrit(self.freedom, alpha / sides)) * error
