"""Checks of slices and groups: good on average is not good for everyone.

Many slices give many chances of a false alarm. All intervals of one check hold together at
the policy's confidence (Bonferroni; Dunn 1961, doi:10.1080/01621459.1961.10482090), so that a
model without a bad slice is refused with at most the probability 1 - confidence. A slice is
therefore refused on proof, not on an estimate: no holdout is large enough to prove every
slice good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

import numpy as np

from .checks import Case, numbers
from .policy import Fairness
from .resampling import Interval, rows_to_decide
from .verdict import Check, number


def slices_within_limit(case: Case) -> Iterator[Check]:
    """No slice is shown to lie beyond the limit."""
    if (rule := case.policy.slices) is None:
        return
    every = np.arange(len(case.holdout))
    slices, small = _slices(case, rule.columns, rule.min_rows, every)
    metric = case.metric(rule.metric)
    for name, rows in slices.items():
        interval = case.value_on(metric, rows, family=len(slices))
        fields = {**numbers(case, metric, interval, rule.limit), "slice": name}
        nearest = interval.high if metric.sign > 0 else interval.low
        if not interval.defined:
            yield Check("slice", "skip", "These rows do not define it.", **fields)
        elif metric.sign * (nearest - rule.limit) < 0:
            yield Check("slice", "fail", f"Shown to be beyond {number(rule.limit)}.", **fields)
        else:
            beyond = metric.sign * (interval.estimate - rule.limit) < 0
            yield Check("slice", "pass", "Beyond, within noise." if beyond else "", **fields)
    yield from small


def slices_kept(case: Case) -> Iterator[Check]:
    """No slice is shown to be worse than with the champion, and by more than is allowed."""
    if (rule := case.policy.slices) is None or case.rival is None:
        return
    slices, small = _slices(case, rule.columns, rule.min_rows, case.fresh)
    metric = case.metric(rule.metric)
    for name, rows in slices.items():
        gain = case.gain_on(metric, rows, family=len(slices))
        fields = {**numbers(case, metric, gain, -rule.max_loss), "slice": name}
        if not gain.defined:
            yield Check("slice loss", "skip", "These rows do not define it.", **fields)
        elif gain.estimate < -rule.max_loss and gain.high < 0:
            yield Check("slice loss", "fail", f"Worse than {case.rival.name} here.", **fields)
        else:
            yield Check("slice loss", "pass", "", **fields)
    yield from (Check("slice loss", c.status, c.message, metric=c.metric) for c in small)


def fair(case: Case) -> Iterator[Check]:
    """No two groups are further apart than is allowed (for recall: equal opportunity).

    Hardt, Price and Srebro 2016, arXiv:1610.02413. An estimate beyond the maximum fails when
    the gap is shown to be real, and is held when it may be noise.
    """
    for rule in case.policy.fairness:
        every = np.arange(len(case.holdout))
        groups, small = _slices(case, (rule.column,), rule.min_rows, every)
        yield from _widest_gap(case, rule, groups)
        yield from (Check("fairness", c.status, c.message, metric=c.metric) for c in small)


def _widest_gap(case: Case, rule: Fairness, groups: dict[str, np.ndarray]) -> Iterator[Check]:
    metric = case.metric(rule.metric)
    pairs = list(combinations(groups, 2))
    gaps = {pair: _gap(case, rule, groups, pair, len(pairs)) for pair in pairs}
    gaps = {pair: gap for pair, gap in gaps.items() if gap.defined}
    if not gaps:
        message = f"No two groups with {rule.min_rows:,} rows define it."
        yield Check("fairness", "skip", message, metric=metric.name, slice=rule.column)
        return
    pair = max(gaps, key=lambda key: gaps[key].estimate)
    gap = gaps[pair]
    fields = {**numbers(case, metric, gap, rule.max_gap), "slice": " and ".join(pair)}
    if gap.estimate <= rule.max_gap:
        yield Check("fairness", "pass", "The widest gap.", **fields)
    elif gap.low > 0:
        yield Check("fairness", "fail", f"Apart by more than {number(rule.max_gap)}.", **fields)
    else:
        needed = rows_to_decide(gap, 2 * gap.estimate)
        message = "Far apart, though it may be noise."
        message += f" About {needed:,} rows in these groups would tell." if needed else ""
        yield Check("fairness", "hold", message, **fields, rows_needed=needed)


def _gap(
    case: Case, rule: Fairness, groups: dict[str, np.ndarray], pair: tuple[str, str], family: int
) -> Interval:
    metric = case.metric(rule.metric)
    one, other = (case.challenger.sample(case.holdout.target, groups[name]) for name in pair)
    gap = case.bootstrap.difference(metric, one, other, family)
    if gap.estimate >= 0:
        return gap
    return Interval(-gap.estimate, -gap.high, -gap.low, gap.n_rows)


def _slices(
    case: Case, columns: Iterable[str], min_rows: int, rows: np.ndarray
) -> tuple[dict[str, np.ndarray], list[Check]]:
    """Positions of each large enough slice of `rows`, and one skipped check per column beside."""
    large: dict[str, np.ndarray] = {}
    skipped = []
    for column in columns:
        values = case.holdout.groups[column][rows]
        found = {value: rows[values == value] for value in sorted(set(values))}
        small = [value for value, chosen in found.items() if len(chosen) < min_rows]
        large |= {f"{column}={value}": found[value] for value in found if value not in small}
        if small:
            message = f"Under {min_rows:,} rows, not judged: {len(small)} values of {column}."
            skipped.append(Check("slice", "skip", message))
    return large, skipped


GROUP_CHECKS: tuple[Callable[[Case], Iterable[Check]], ...] = (
    slices_within_limit,
    slices_kept,
    fair,
)
