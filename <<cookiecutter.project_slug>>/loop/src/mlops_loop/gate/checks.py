"""The questions of the gate: each takes the case and yields its checks; `CHECKS` lists them.

Where an interval decides, there are three outcomes: shown to be good enough passes, shown not
to be fails, and anything between is held, with the number of rows that would decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import comb, isfinite, nan
from typing import Literal

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from mlops_loop.errors import DataRefused
from mlops_loop.gate.policy import Policy
from mlops_loop.statistics.bootstrap import Bootstrap, Contender, Interval
from mlops_loop.statistics.metrics import Metric, find

Status = Literal["pass", "fail", "hold", "skip"]
ROW = "{:6}{:52}{:>12}{:>20}{:>8}{:>9}  {}"  # of a table for a terminal


@dataclass(frozen=True)
class Check:
    """One question with its answer; numbers are in `unit` (empty: a share or a score).

    `rows_needed` is about how many rows would decide, where too few did not.
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

    def __str__(self) -> str:
        name = f"{self.name} {self.metric} {self.slice}".rstrip()
        bounds = f"{number(self.low)} to {number(self.high)}".replace("- to -", "-")
        value, limit = f"{number(self.estimate)} {self.unit}".rstrip(), number(self.threshold)
        rows = number(self.n_rows)
        return ROW.format(self.status, name, value, bounds, limit, rows, self.message)


@dataclass(frozen=True)
class Unscorable:
    """A model without scores for these rows; `status` is what follows for a champion."""

    name: str
    status: Status
    reason: str


@dataclass(frozen=True)
class Comparison:
    """What is judged: two models, scored on `rows`; `seen` are those of the champion's training.

    `measurements` of the built container are by the name of their budget.
    """

    challenger: Contender | Unscorable
    champion: Contender | Unscorable | None
    seen: np.ndarray
    rows: pd.DataFrame
    policy: Policy
    seed: int = 0
    measurements: Mapping[str, float] = field(default_factory=dict)

    def metric(self, name: str) -> Metric:
        return find(self.policy.task, name)

    def positions(self, gain: bool) -> np.ndarray:
        """Of all rows, or of those for a comparison: the champion has not seen them."""
        return np.flatnonzero(~self.seen) if gain else np.arange(len(self.rows))

    def grouped(self, column: str, rows: np.ndarray) -> DataFrameGroupBy:
        """Some rows by their value of a column, where missing is a value too."""
        if column not in self.rows:
            have = ", ".join(self.rows)
            raise DataRefused(f"The holdout has no column {column}. It has: {have}.")
        return self.rows.iloc[rows].groupby(column, dropna=False, observed=True)

    def interval(
        self, metric: str, gain: bool = False, rows: np.ndarray | None = None, family: int = 1
    ) -> Interval:
        """A metric of the challenger, or its gain over the champion (positive is better)."""
        rows = self.positions(gain) if rows is None else rows
        clusters = None
        if self.policy.cluster:
            clusters = self.grouped(self.policy.cluster, rows).ngroup().to_numpy()
        models = [self.challenger, self.champion] if gain else [self.challenger]
        models = [model.take(rows) for model in models]
        bootstrap = Bootstrap(self.policy.resamples, self.seed, self.policy.confidence)
        return bootstrap.interval(self.metric(metric), *models, clusters=clusters, family=family)

    def by_slice(
        self, metric: str, columns: tuple, min_rows: int, gain: bool = False, at_once: int = 1
    ) -> dict[str, Interval]:
        """The same for each value of some columns, all holding together; NaN for too few rows."""
        among, slices, found = self.positions(gain), {}, {}
        for column in columns:
            groups = self.grouped(column, among).indices
            slices |= {f"{column}={value}": among[rows] for value, rows in groups.items()}
        family = comb(sum(len(rows) >= min_rows for rows in slices.values()), at_once)
        for name, rows in slices.items():
            found[name] = Interval(nan, nan, nan, len(rows))
            if len(rows) >= min_rows:
                found[name] = self.interval(metric, gain, rows, family or 1)
        return found

    def check(
        self, name: str, metric: str, found: Interval, limit: float,
        status: Status, message: str, width: float = 0, slice: str = "",
    ) -> Check:  # fmt: skip
        """A check of an interval; an undefined one fails, and in a slice is skipped.

        Fewer rows than the policy's minimum decide nothing. Where an interval no wider than
        `width` would decide, the check says how many rows give one.
        """
        needed, least = None, self.policy.min_rows
        if not isfinite(found.low):
            status = "skip" if slice else "fail"
            message = "Not a finite number, or too few rows (clusters)."
        elif width:
            needed = found.rows_to_decide(width)
        if not slice and found.n_rows < least:
            status, message = "hold", f"Fewer than {least:,} rows decide nothing."
            needed = max(least, needed or 0)
        if needed:
            message += f" About {needed:,} rows would decide."
        unit = self.metric(metric).unit.replace("target", self.challenger.contract.target_unit)
        numbers = (found.estimate, found.low, found.high, limit, found.n_rows)
        return Check(name, status, message, *numbers, unit, metric, slice, needed)


def number(value: float | None) -> str:
    """Four significant digits, and a dash for what does not exist."""
    if value is None or not isfinite(value):
        return "-"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def compared_with_champion(case: Comparison) -> Iterator[Check]:
    """The gain in the primary metric, on rows that neither has seen; positive is better.

    Let `null` be -margin for non-inferiority and 0 for superiority. The challenger passes when
    the whole interval lies above `null`, and fails when it lies below `null` + margin: two
    equal models, or a gain worth having. An interval that holds both is wider than the margin,
    and held. So an equal model passes non-inferiority and fails superiority, given enough rows
    (Liu et al. 2006, doi:10.1002/sim.2358, for paired areas under the ROC curve).
    """
    if case.champion is None:
        yield Check("comparison", "skip", "Nothing to compare with: absolute limits only.")
        return
    rule, name = case.policy.primary, case.champion.name
    null, margin = 0.0, number(rule.margin)
    good, bad = f"better than {name}", f"less than {margin} better than {name}"
    if rule.mode == "non_inferiority":
        null = -rule.margin
        good, bad = f"not worse than {name} by {margin} or more", f"worse than {name}"
    gain = case.interval(rule.metric, gain=True)
    answer = "hold", "These rows are too few to tell.", rule.margin
    if gain.low > null:
        answer = "pass", f"Shown to be {good}."
    elif gain.high < null + rule.margin:
        answer = "fail", f"Shown to be {bad}."
    yield case.check("comparison", rule.metric, gain, null, *answer)
    if seen := int(case.seen.sum()):
        message = f"{seen:,} more rows were left out: {name} was trained on them."
        yield Check("rows", "pass", message, n_rows=gain.n_rows)


def within_limits(case: Comparison) -> Iterator[Check]:
    """Each metric of the challenger alone keeps to its floor or ceiling, calibration too.

    The estimate beyond the limit fails. An estimate that keeps to it passes only when its
    whole interval does; otherwise the rows are too few to tell, and the model is held.
    """
    limits = [("absolute", *item) for item in case.policy.absolute.items()]
    if rule := case.policy.calibration:
        limits.append(("calibration", rule.metric, rule.at_most))
    for name, metric, limit in limits:
        value, sign = case.interval(metric), case.metric(metric).sign
        room = value.room(limit, sign)
        bound = f"{'at least' if sign > 0 else 'at most'} {number(limit)}"
        answer = "pass", f"It is {bound}."
        if room.estimate < 0:
            answer = "fail", f"It must be {bound}."
        elif room.low < 0:
            answer = "hold", f"It is {bound}, but these rows cannot prove it.", 2 * room.estimate
        yield case.check(name, metric, value, limit, *answer)


def not_too_good(case: Comparison) -> Iterator[Check]:
    """A leak looks like success: a value or a gain beyond belief is held for a person."""
    rule, metric = case.policy.suspicion, case.policy.primary.metric
    limits = [("too good", False, rule.too_good, case.metric(metric).sign)]
    if case.champion:
        limits.append(("sudden gain", True, rule.max_gain, 1))
    for name, gain, limit, sign in limits:
        found, answer = case.interval(metric, gain), ("pass", "")
        if found.room(limit, sign).estimate > 0:
            answer = "hold", "Too good to be true? Look for a column that knows the answer."
        yield case.check(name, metric, found, limit, *answer)


def good_in_slices(case: Comparison) -> Iterator[Check]:
    """No slice is shown (not only estimated) to lie beyond the limit, or to have got worse."""
    if (rule := case.policy.slices) is None:
        return
    asked = (rule.metric, rule.columns, rule.min_rows)
    for name, value in case.by_slice(*asked).items():
        room, answer = value.room(rule.limit, case.metric(rule.metric).sign), ("pass", "")
        if room.high < 0:
            answer = "fail", f"Shown to be beyond {number(rule.limit)}."
        elif room.estimate < 0:
            answer = "pass", "Beyond, within noise."
        yield case.check("slice", rule.metric, value, rule.limit, *answer, slice=name)
    for name, gain in case.by_slice(*asked, gain=True).items() if case.champion else ():
        answer = "pass", ""
        if gain.estimate < -rule.max_loss and gain.high < 0:
            answer = "fail", f"Worse than {case.champion.name} here."
        yield case.check("slice loss", rule.metric, gain, -rule.max_loss, *answer, slice=name)


def fair(case: Comparison) -> Iterator[Check]:
    """No two groups are further apart than is allowed (for recall: equal opportunity).

    Hardt, Price and Srebro 2016, arXiv:1610.02413. An estimate beyond the maximum fails when
    the gap is shown to be real, and is held when it may be noise.
    """
    for rule in case.policy.fairness:
        groups = case.by_slice(rule.metric, (rule.column,), rule.min_rows, at_once=2)
        known = sorted((g.estimate, name) for name, g in groups.items() if isfinite(g.low))
        if len(known) < 2:
            message = f"No two groups with {rule.min_rows:,} rows define it."
            yield Check("fairness", "skip", message, metric=rule.metric, slice=rule.column)
            continue
        low, high = known[0][1], known[-1][1]
        gap, answer = groups[high].minus(groups[low]), ("pass", "The widest gap.")
        if gap.estimate > rule.max_gap and gap.low > 0:
            answer = "fail", f"Apart by more than {number(rule.max_gap)}."
        elif gap.estimate > rule.max_gap:
            answer = "hold", "Far apart, though it may be noise.", 2 * gap.estimate
        pair = f"{high} and {low}"
        yield case.check("fairness", rule.metric, gap, rule.max_gap, *answer, slice=pair)


def within_budgets(case: Comparison) -> Iterator[Check]:
    """What was measured on the built container keeps to its ceiling."""
    for name, rule in case.policy.budgets.items():
        value = case.measurements.get(name)
        status, message = "pass", ""
        if value is None:
            status, message = "hold" if rule.required else "skip", "Not measured here."
        elif not value <= rule.at_most:
            status, message = "fail", "Over its budget, or no number."
        yield Check("budget", status, message, value, threshold=rule.at_most, metric=name)


CHECKS = (compared_with_champion, within_limits, not_too_good, good_in_slices, fair, within_budgets)
