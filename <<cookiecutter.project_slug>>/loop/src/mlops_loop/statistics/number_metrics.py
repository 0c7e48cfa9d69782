"""Metrics on predicted numbers: `y` and `scores` are (n_rows,), in the unit of the target."""

from __future__ import annotations

import math

import numpy as np

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.metrics import LossFn, Metric, by_name, one_by_one
from mlops_loop.statistics.resampler import Resampler, of_sums
from mlops_loop.statistics.scales import Absolute, Mean, Ranged


def _r2(y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
    """Share of the variance that is explained; NaN where `y` has none."""
    centred = y - y.mean()
    return of_sums(_explained, centred, centred**2, (y - scores) ** 2)


def _explained(sums: np.ndarray) -> np.ndarray:
    n, total, squares, errors = sums.T
    spread = squares - total**2 / n
    spread[spread <= squares * 1e-9] = math.nan  # none, but for rounding
    return 1 - errors / spread


def _pinball(share: float) -> LossFn:
    """Least where `share` of the outcomes lie below the score (Koenker and Bassett 1978)."""
    return lambda y, scores: np.maximum(share * (y - scores), (1 - share) * (scores - y))


def _median_error(y: np.ndarray, scores: np.ndarray) -> float:
    return float(np.median(abs(y - scores)))


METRICS = by_name(
    Metric.mean("mae", lambda y, scores: abs(y - scores), Mean(), "target"),
    Metric.mean("rmse", lambda y, scores: (y - scores) ** 2, Mean(np.sqrt), "target"),
    Metric("median_ae", one_by_one(_median_error), False, "target", Ranged(0, math.inf)),
    Metric("r2", _r2, True, scale=Ranged(-math.inf, 1)),
    Metric.mean("bias", lambda y, scores: y - scores, Absolute(), "target", shows_skill=False),
    Metric.mean("pinball_10", _pinball(0.1), Mean(), "target"),
    Metric.mean("pinball_90", _pinball(0.9), Mean(), "target"),
)
