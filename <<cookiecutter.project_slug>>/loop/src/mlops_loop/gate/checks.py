"""The checks of the gate, which `CHECKS` lists: each yields its results on a comparison.

Where an interval decides, there are three outcomes: shown to be good enough passes, shown not
to be fails, and anything between is held, with the number of rows that would decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, isfinite

from mlops_loop import tasks
from mlops_loop.gate.comparison import Answer, Check, Comparison, Status
from mlops_loop.gate.policy import Fairness, Primary, Slices
from mlops_loop.statistics.bootstrap import Interval
from mlops_loop.text import measured


def compared_with_champion(comparison: Comparison) -> Iterator[Check]:
    """The gain in the primary metric, on rows that neither has seen; positive is better.

    Let `null` be -margin for non-inferiority and 0 for superiority. The challenger passes when
    the whole interval lies above `null`, and fails when it lies below `null` + margin: two
    equal models, or a gain worth having. An interval that holds both is wider than the margin,
    and held. So an equal model passes non-inferiority and fails superiority, given enough rows
    (Liu et al. 2006, doi:10.1002/sim.2358, for paired areas under the ROC curve).
    """
    if comparison.champion is None:
        yield Check("comparison", "skip", "There is no champion to compare with.")
        return
    rule, champion = comparison.policy.primary, comparison.champion.name
    null = -rule.margin if rule.mode == "non_inferiority" else 0.0
    good, bad = _outcomes(rule, champion, comparison.unit(rule.metric))
    gain = comparison.interval(rule.metric, gain=True)
    answer = Answer("hold", "These rows are too few to tell.", rule.margin)
    if gain.low > max(null, 0):
        answer = Answer("pass", f"Shown to be better than {champion}.")
    elif gain.low > null:
        answer = Answer("pass", f"Shown to be {good}.")
    elif gain.high < null + rule.margin:
        answer = Answer("fail", f"Shown to be {bad}.")
    yield comparison.check("comparison", rule.metric, gain, null, *answer)
    if seen := int(comparison.seen.sum()):
        message = f"{seen:,} more rows were left out: {champion} was trained on them."
        yield Check("rows", "pass", message, n_rows=gain.n_rows)


def _outcomes(rule: Primary, champion: str, unit: str) -> tuple[str, str]:
    """What a challenger is shown to be that passes, and one that fails."""
    margin = measured(rule.margin, unit)
    if rule.mode == "non_inferiority":
        return f"not worse than {champion} by {margin} or more", f"worse than {champion}"
    return f"better than {champion}", f"less than {margin} better than {champion}"


def within_limits(comparison: Comparison) -> Iterator[Check]:
    """Each metric of the challenger alone keeps to its floor or ceiling, calibration too.

    The estimate beyond the limit fails. An estimate that keeps to it passes only when its
    whole interval does; otherwise the rows are too few to tell, and the model is held.
    """
    limits = [("absolute", *item) for item in comparison.policy.absolute.items()]
    if rule := comparison.policy.calibration:
        limits.append(("calibration", rule.metric, rule.at_most))
    for name, metric, limit in limits:
        value, sign = comparison.interval(metric), comparison.metric(metric).sign
        answer = _limited(value, limit, sign, comparison.unit(metric))
        yield comparison.check(name, metric, value, limit, *answer)


def _limited(value: Interval, limit: float, sign: int, unit: str = "") -> Answer:
    """What an interval says of a limit: a floor for sign 1, a ceiling for -1."""
    margin = value.margin_to(limit, sign)
    bound = f"{'at least' if sign > 0 else 'at most'} {measured(limit, unit)}"
    if margin.estimate < 0:
        return Answer("fail", f"It must be {bound}.")
    if margin.low < 0:
        message = f"It is {bound}, but these rows cannot prove it."
        return Answer("hold", message, 2 * margin.estimate)
    return Answer("pass", f"It is {bound}.")


def stable(comparison: Comparison) -> Iterator[Check]:
    """Models that are fitted to resamples of the training rows agree with the challenger."""
    if (rule := comparison.policy.stability) is None:
        return
    if (value := comparison.agreement()) is None:
        why = "The bundle holds no refits. Next: make pipeline"
        yield Check("stability", "fail", why, threshold=rule.at_least)
        return
    answer = _limited(value, rule.at_least, 1)
    yield comparison.check("stability", "", value, rule.at_least, *answer)


def not_too_good(comparison: Comparison) -> Iterator[Check]:
    """A leak looks like success: a value or a gain beyond belief is held for a person."""
    rule, metric = comparison.policy.suspicion, comparison.policy.primary.metric
    limits = [("too good", False, rule.too_good, comparison.metric(metric).sign)]
    if comparison.champion:
        limits.append(("sudden gain", True, rule.max_gain, 1))
    for name, gain, limit, sign in limits:
        value, answer = comparison.interval(metric, gain), Answer("pass")
        if value.margin_to(limit, sign).estimate > 0:
            hint = tasks.find(comparison.policy.task).leak_hint
            answer = Answer("hold", f"Too good to be true? {hint}")
        yield comparison.check(name, metric, value, limit, *answer)


def good_in_slices(comparison: Comparison) -> Iterator[Check]:
    """No slice is shown (not only estimated) to lie beyond the limit, or to have got worse."""
    if (rule := comparison.policy.slices) is None:
        return
    yield from _within_slice_limit(comparison, rule)
    if comparison.champion:
        yield from _within_slice_loss(comparison, rule, comparison.champion.name)


def _within_slice_limit(comparison: Comparison, rule: Slices) -> Iterator[Check]:
    sign = comparison.metric(rule.metric).sign
    limit = measured(rule.limit, comparison.unit(rule.metric))
    for name, value in comparison.by_slice(rule.metric, rule.columns, rule.min_rows).items():
        margin, answer = value.margin_to(rule.limit, sign), Answer("pass")
        if margin.high < 0:
            answer = Answer("fail", f"Shown to be beyond {limit}.")
        elif margin.estimate < 0:
            answer = Answer("pass", f"Beyond {limit}, but that may be noise.")
        yield comparison.check("slice", rule.metric, value, rule.limit, *answer, slice=name)


def _within_slice_loss(comparison: Comparison, rule: Slices, champion: str) -> Iterator[Check]:
    gains = comparison.by_slice(rule.metric, rule.columns, rule.min_rows, gain=True)
    most = measured(-rule.max_loss, comparison.unit(rule.metric))
    for name, gain in gains.items():
        answer = Answer("pass")
        if gain.estimate < -rule.max_loss and gain.high < 0:
            answer = Answer("fail", f"Worse than {champion} here.")
        elif gain.estimate < -rule.max_loss:
            answer = Answer("pass", f"Beyond {most}, but that may be noise.")
        yield comparison.check("slice loss", rule.metric, gain, -rule.max_loss, *answer, slice=name)


def fair(comparison: Comparison) -> Iterator[Check]:
    """No two groups are further apart than is allowed (for recall: equal opportunity).

    Hardt, Price and Srebro 2016, arXiv:1610.02413. An estimate beyond the maximum fails when
    the gap is shown to be real, and is held when it may be noise.
    """
    for rule in comparison.policy.fairness:
        groups = comparison.by_slice(rule.metric, (rule.column,), rule.min_rows, at_once=2)
        known = sorted((g.estimate, name) for name, g in groups.items() if isfinite(g.low))
        yield from _groups_with_few_cases(comparison, rule, groups)
        if len(known) < 2:
            message = f"No two groups with {rule.min_rows:,} rows define it."
            yield Check("fairness", "skip", message, metric=rule.metric, slice=rule.column)
            continue
        low, high = known[0][1], known[-1][1]
        most = measured(rule.max_gap, comparison.unit(rule.metric))
        gap, answer = groups[high].minus(groups[low]), Answer("pass", "The widest gap.")
        if gap.estimate > rule.max_gap and gap.low > 0:
            answer = Answer("fail", f"Apart by more than {most}.")
        elif gap.estimate > rule.max_gap:
            answer = Answer("hold", "Far apart, though it may be noise.", 2 * gap.estimate)
        pair = f"{high} and {low}"
        yield comparison.check("fairness", rule.metric, gap, rule.max_gap, *answer, slice=pair)


def _groups_with_few_cases(
    comparison: Comparison, rule: Fairness, groups: Mapping[str, Interval]
) -> Iterator[Check]:
    """Groups with enough rows, but too few cases to tell whether they are treated alike."""
    least = comparison.policy.min_cases
    cases = {name: group.n_cases or 0 for name, group in groups.items()
             if group.n_rows >= rule.min_rows and (group.n_cases or 0) < least}  # fmt: skip
    if cases:
        names = ", ".join(f"{name} ({n:,})" for name, n in list(cases.items())[:5])
        message = f"Groups with fewer than {least:,} cases cannot be compared: {names}."
        fewest = min(cases.values())
        needed = ceil(len(comparison.rows) * least / max(fewest, 1))
        yield Check(
            "fairness", "hold", f"{message} About {needed:,} rows would decide.",
            metric=rule.metric, slice=rule.column, rows_needed=needed, n_cases=fewest,
        )  # fmt: skip


def within_budgets(comparison: Comparison) -> Iterator[Check]:
    """What was measured on the built container keeps to its ceiling."""
    for name, rule in comparison.policy.budgets.items():
        value = comparison.measurements.get(name)
        status: Status = "pass"
        message = ""
        if value is None:
            status, message = "skip", "Not measured here."
            if rule.required:
                status, message = "hold", f"{message} Next: loop verify-image, then the gate again."
        elif not value <= rule.at_most:
            status, message = "fail", "Over its budget, or no number."
        yield Check("budget", status, message, value, threshold=rule.at_most, metric=name)


CHECKS = (
    compared_with_champion, within_limits, stable, not_too_good, good_in_slices, fair,
    within_budgets,
)  # fmt: skip
