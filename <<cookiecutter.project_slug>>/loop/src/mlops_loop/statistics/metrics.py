"""What a metric is: the same formula scores training, evaluation and the gate.

`y` and `scores` have one row for each row of the table; their shape is the task's. A metric that
the rows do not define (one class only, nothing predicted as positive) is NaN, never an error.

Each is written for many resamples at once, which scikit-learn cannot do (resampler.py). The
numbers are those of scikit-learn: https://scikit-learn.org/stable/modules/model_evaluation.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops_loop import project
from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.resampler import UNDEFINED, Resampler, of_sums
from mlops_loop.statistics.scales import PLAIN, Ranged, Scale

MetricFn = Callable[[np.ndarray, np.ndarray, Contract], Resampler]
SetsFn = Callable[[np.ndarray, np.ndarray, Contract], np.ndarray]
ImpliedFn = Callable[..., Any]
LossFn = Callable[[np.ndarray, np.ndarray], np.ndarray]


def every_row(y: np.ndarray, scores: np.ndarray, contract: Contract) -> np.ndarray:
    """One set, of all rows: (n_rows, 1), True."""
    return np.ones((len(y), 1), dtype=bool)


@dataclass(frozen=True)
class Metric:
    """A formula with its direction; `unit` "target" means the unit of the target.

    function: takes `y`, `scores` and the contract, and returns what gives the metric of each
    resample, (n_resamples,), or the parts that `scale` combines to it, (n_resamples, n_parts).
    scale: how its interval is made. sets: the rows that it rests on, (n_rows, n_sets) True or
    False, as the positive ones. implied: from the scores of one model, or of two whose difference
    counts, the standard errors that these imply. losses: where it is a mean, the loss of each row,
    (n_rows,), from `y` and `scores`. shows_skill: False where a model that knows nothing can be
    perfect, or undefined, as in recall one that always says yes: the gate then compares with
    baselines by another metric.
    """

    name: str
    function: MetricFn
    greater_is_better: bool
    unit: str = ""
    scale: Scale = PLAIN
    sets: SetsFn = every_row
    implied: ImpliedFn | None = None
    losses: LossFn | None = None
    shows_skill: bool = True

    @classmethod
    def mean(
        cls, name: str, losses: LossFn, scale: Scale, unit: str = "",
        implied: ImpliedFn | None = None, *, shows_skill: bool = True,
    ) -> Metric:  # fmt: skip
        """A metric from the mean of the losses of rows: less is better."""
        return cls(
            name, mean_of(losses), False, unit, scale,
            implied=implied, losses=losses, shows_skill=shows_skill,
        )  # fmt: skip

    @classmethod
    def from_function(
        cls,
        name: str,
        function: Callable[[np.ndarray, np.ndarray], float],
        *,
        greater_is_better: bool,
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
        shows_skill: bool = True,
    ) -> Metric:
        """A metric of the user's own from a plain function of `y` and `scores`.

        y: (n_rows,), numbers, or for classes their positions in `classes` of the contract.
        scores: (n_rows,), or (n_rows, n_classes) probabilities in that order. The function gets the
        rows of one resample after another, copies with repetitions, and returns one number,
        whatever the order of the rows; NaN where they do not define it. An interval needs hundreds
        of calls. Whatever the function raises becomes a UsageError. low, high: the ends of its
        range, if it has any: its interval then stays inside. shows_skill: as in the class.
        """
        scale = PLAIN
        if low is not None or high is not None:
            ends = (-math.inf if low is None else low, math.inf if high is None else high)
            scale = Ranged(*ends)
        each = one_by_one(_checked(name, function))
        return cls(name, each, greater_is_better, unit, scale, shows_skill=shows_skill)

    @property
    def highest(self) -> float:
        """The largest loss that a row can have; infinite where there is no limit."""
        return getattr(self.scale, "highest", math.inf)

    def unit_of(self, contract: Contract) -> str:
        """The unit of its values for a model; empty for a share or a score."""
        return self.unit.replace("target", contract.target_unit)

    @property
    def sign(self) -> int:
        """1 where greater is better, -1 where less is."""
        return 1 if self.greater_is_better else -1

    def __call__(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> float:
        return float(self.resampled(y, scores, contract, np.ones((1, len(y))))[0])

    def resampled(
        self, y: np.ndarray, scores: np.ndarray, contract: Contract, counts: np.ndarray
    ) -> np.ndarray:
        """The metric of each resample, (n_resamples,), from how often it holds each row.

        counts: (n_resamples, n_rows). NaN where a resample does not define it.
        """
        with np.errstate(all="ignore"):
            return self.scale.combine(self.resampler(y, scores, contract)(counts))

    def resampler(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
        """What gives the parts that `scale` combines to the metric of each resample.

        NaN without a row, and where a score is not finite.
        """
        if len(y) == 0 or not np.isfinite(scores).all():
            return UNDEFINED
        with np.errstate(all="ignore"):
            return self.function(y, scores, contract)


def by_name(*metrics: Metric) -> dict[str, Metric]:
    """Metrics by their names, in this order."""
    return {metric.name: metric for metric in metrics}


def mean_of(loss: LossFn) -> MetricFn:
    """The mean over rows of a loss of `y` and `scores`, (n_rows,)."""
    return lambda y, scores, contract: of_sums(means, loss(y, scores))


def means(sums: np.ndarray) -> np.ndarray:
    """Of each column but the first, which counts the rows: (n_resamples, n_columns - 1)."""
    return sums[:, 1:] / sums[:, :1]


def one_by_one(function: Callable[[np.ndarray, np.ndarray], float]) -> MetricFn:
    """Any function of `y` and `scores`, called for one resample after another: slow."""

    def metric(y: np.ndarray, scores: np.ndarray, contract: Contract) -> Resampler:
        def each(counts: np.ndarray) -> np.ndarray:
            drawn = [np.repeat(np.arange(len(y)), row) for row in counts.astype(int)]
            return np.array([function(y[rows], scores[rows]) for rows in drawn])

        return Resampler(each)

    return metric


def _checked(
    name: str, function: Callable[[np.ndarray, np.ndarray], float]
) -> Callable[[np.ndarray, np.ndarray], float]:
    def call(y: np.ndarray, scores: np.ndarray) -> float:
        try:
            return float(function(y, scores))
        except Exception as error:  # whatever the user's code raises
            raise UsageError(
                f"The metric {name!r} fails on {len(y):,} rows: {project.failure(error)}. "
                "It must return a number, and nan where the rows do not define it."
            ) from error

    return call
