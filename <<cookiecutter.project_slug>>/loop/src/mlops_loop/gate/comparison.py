"""Two models on the same rows, and the intervals that the checks are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, comb, isfinite, nan
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from mlops_loop.gate.policy import GatePolicy
from mlops_loop.statistics.bootstrap import Contender, Interval
from mlops_loop.statistics.metrics import Metric
from mlops_loop.statistics.resampling import Resampling, grouped
from mlops_loop.tasks import baselines, metrics
from mlops_loop.tasks.baselines import Baselines
from mlops_loop.text import many

Status = Literal["pass", "fail", "hold", "skip"]


@dataclass(frozen=True)
class Check:
    """The result of one check; numbers are in `unit` (empty: a share or a score).

    estimate, low and high: the value and its interval. n_rows: how many rows they are from.
    metric and slice: what was measured, on which part of the rows; empty where that does not
    apply. rows_needed: about how many rows would decide, where these are too few. n_cases: how
    many of the rows the metric rests on, as the positive ones for recall. resolve: what makes the
    check possible, beside a person's decision.
    """

    name: str
    status: Status
    message: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n_rows: int | None = None
    unit: str = ""
    metric: str = ""
    slice: str = ""
    rows_needed: int | None = None
    n_cases: int | None = None
    resolve: str = ""


@dataclass(frozen=True)
class Unscorable:
    """A model that has no scores for these rows; `status` is that of the check of a champion.

    lacking: columns that it needs and the rows do not have. resolve: what to do about it.
    """

    name: str
    status: Status
    reason: str
    lacking: tuple[str, ...] = ()
    resolve: str = ""


def scored(model: Contender | Unscorable | None) -> Contender:
    """Models without scores are sorted out before any check."""
    if not isinstance(model, Contender):
        raise TypeError(f"{model} has no scores to compare.")
    return model


class Answer(NamedTuple):
    """What an interval decides; where it is held, one no wider than `width` would decide."""

    status: Status
    message: str = ""
    width: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """What is judged: two models, scored on the same `rows` of the holdout.

    champion: None before the first. seen: (n_rows,) True for the rows that the champion may have
    learned from. measurements: of the built container, by the name of their budget. baselines:
    models that know little, scored on the same rows; None where that is not asked.
    """

    challenger: Contender | Unscorable
    champion: Contender | Unscorable | None
    seen: np.ndarray
    rows: pd.DataFrame
    policy: GatePolicy
    resampling: Resampling = field(default_factory=Resampling)
    measurements: Mapping[str, float] = field(default_factory=dict)
    baselines: Baselines | None = None
    _known: dict[tuple[str, bool], Interval] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def metric(self, name: str) -> Metric:
        """A metric of the task by name; raises UsageError with the names that there are."""
        return metrics.find(self.policy.task, name)

    def unit(self, metric: str) -> str:
        """The unit of a metric; empty for a share or a score."""
        return self.metric(metric).unit_of(scored(self.challenger).contract) if metric else ""

    def positions(self, gain: bool) -> np.ndarray:
        """Positions of all rows; for a gain, of those that the champion has not seen."""
        return np.flatnonzero(~self.seen) if gain else np.arange(len(self.rows))

    def interval(self, metric: str, gain: bool = False) -> Interval:
        """A metric of the challenger on all rows that count, or its gain over the champion.

        A positive gain is better. Made once, however many checks ask.
        """
        if (metric, gain) not in self._known:
            self._known[metric, gain] = self.interval_of(metric, gain, self.positions(gain))
        return self._known[metric, gain]

    def interval_of(self, metric: str, gain: bool, rows: np.ndarray, family: int = 1) -> Interval:
        """Of some rows, by position. family: how many intervals hold together."""
        models = [model.take(rows) for model in self._compared(gain)]
        clusters = None if self._clusters is None else self._clusters[rows]
        return self.resampling.interval(
            self.metric(metric), *models, clusters=clusters, family=family
        )

    def agreement(self) -> Interval | None:
        """How the challenger agrees with its refits, on all rows; None without them."""
        if self.baselines is None:
            return None
        model, rule = scored(self.challenger), self.resampling
        return baselines.agreement(model, self.baselines, rule, self._clusters)

    @cached_property
    def _clusters(self) -> np.ndarray | None:
        return self.resampling.clusters(self.rows)

    def _compared(self, gain: bool) -> list[Contender]:
        models = (self.challenger, self.champion) if gain else (self.challenger,)
        return [scored(model) for model in models]

    def cases(self, metric: str, gain: bool, rows: np.ndarray) -> int:
        """How many of some rows, by position, a metric of the models rests on, at least."""
        return min(model.take(rows).cases(self.metric(metric)) for model in self._compared(gain))

    def by_slice(
        self, metric: str, columns: tuple, min_rows: int, gain: bool = False, at_once: int = 1
    ) -> dict[str, Interval]:
        """An interval for each value of some columns, by "column=value".

        NaN for fewer than `min_rows` rows, or fewer cases than the policy's minimum. All others
        hold together, or all sets of `at_once`.
        """
        among = self.positions(gain)
        slices: dict[str, np.ndarray] = {}
        for column in columns:
            groups = grouped(self.rows.iloc[among], column).indices
            slices |= {f"{column}={value}": among[rows] for value, rows in groups.items()}
        cases = {name: self.cases(metric, gain, rows) for name, rows in slices.items()}
        judged = {name for name, rows in slices.items()
                  if len(rows) >= min_rows and cases[name] >= self.policy.min_cases}  # fmt: skip
        family = comb(len(judged), at_once) or 1
        return {
            name: self.interval_of(metric, gain, rows, family) if name in judged
            else Interval(nan, nan, nan, len(rows), cases[name])
            for name, rows in slices.items()
        }  # fmt: skip

    def check(
        self, name: str, metric: str, interval: Interval, limit: float,
        status: Status, message: str, width: float = 0, slice: str = "",
    ) -> Check:  # fmt: skip
        """A check of an interval; an undefined one fails, and in a slice is skipped.

        Fewer rows or cases than the policy's minima decide nothing. Where an interval no wider
        than `width` would decide, the check says how many rows give one.
        """
        needed = interval.rows_to_decide(width) if width and isfinite(interval.low) else None
        if few := self._too_few(interval, slice):
            status, message, least = few
            needed = max(least, needed or 0) or None
        elif not isfinite(interval.low):
            status = "skip" if slice else "fail"
            message = "Not a finite number, or too few rows (clusters)."
        if needed:
            message += f" About {needed:,} rows would decide."
        unit = self.unit(metric)
        numbers = (interval.estimate, interval.low, interval.high, limit, interval.n_rows)
        return Check(name, status, message, *numbers, unit, metric, slice, needed, interval.n_cases)

    def _too_few(self, interval: Interval, slice: str) -> tuple[Status, str, int] | None:
        """Status, message and rows needed where rows or cases are below the policy's minima."""
        rows, least, fewest = interval.n_rows, self.policy.min_rows, self.policy.min_cases
        cases = rows if interval.n_cases is None else interval.n_cases
        if cases < fewest and slice:
            return "skip", f"It rests on {many(cases, 'case')}, fewer than {fewest:,}.", 0
        if cases < fewest and isfinite(interval.estimate):
            needed = max(least, ceil(rows * fewest / max(cases, 1)))
            return "hold", f"It rests on {many(cases, 'case')}, fewer than {fewest:,}.", needed
        if rows < least and not slice:
            few = f"{rows:,} rows are fewer than min_rows of gate.yaml, {least:,}."
            return "hold", few, least
        return None
