"""The questions of the gate. Each takes the case and yields its checks; `CHECKS` lists them.

A new check is one more function here or in `groups.py`, and one more line in a table.

Every interval is two-sided at the policy's confidence (`resampling.py`). Where an interval
decides, there are three outcomes: shown to be good enough passes, shown not to be fails, and
anything between is held, with the number of rows that would decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..pipeline import metrics
from ..pipeline.metrics import Metric
from .contenders import Contender, Holdout, Unusable
from .policy import Policy
from .resampling import Bootstrap, Interval, rows_to_decide
from .verdict import Check, Status, number


@dataclass(frozen=True)
class Case:
    """All that a check may look at. `champion` is None before a first model has shipped."""

    challenger: Contender
    champion: Contender | Unusable | None
    holdout: Holdout
    policy: Policy
    seed: int = 0
    measurements: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def rival(self) -> Contender | None:
        """The champion, where comparing with it makes sense."""
        usable = isinstance(self.champion, Contender) and not any(about_champion(self, False))
        return self.champion if usable else None

    @cached_property
    def fresh(self) -> np.ndarray:
        """Positions of the rows that the champion has not seen in training."""
        return np.flatnonzero(~self.holdout.seen_by_champion)

    @cached_property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.policy.resamples, self.seed, self.policy.confidence)

    @cached_property
    def primary(self) -> Metric:
        return self.metric(self.policy.primary.metric)

    @cached_property
    def gain(self) -> Interval | None:
        """How much better the challenger is in the primary metric; None without a rival."""
        return self.gain_on(self.primary, self.fresh)

    def gain_on(self, metric: Metric, rows: np.ndarray, family: int = 1) -> Interval | None:
        if self.rival is None:
            return None
        pair = [model.sample(self.holdout.target, rows) for model in (self.challenger, self.rival)]
        return self.bootstrap.gain(metric, *pair, family=family)

    def value_on(self, metric: Metric, rows: np.ndarray | slice, family: int = 1) -> Interval:
        sample = self.challenger.sample(self.holdout.target, rows)
        return self.bootstrap.metric(metric, sample, family)

    def metric(self, name: str) -> Metric:
        return metrics.find(self.policy.task, name)

    def unit(self, metric: Metric) -> str:
        return self.challenger.contract.target_unit if metric.unit == "target" else metric.unit


def numbers(case: Case, metric: Metric, interval: Interval, threshold: float) -> dict[str, object]:
    """The fields of a check that come from an interval."""
    return {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "threshold": threshold,
        "n_rows": interval.n_rows,
        "unit": case.unit(metric),
        "metric": metric.name,
    }


def about_challenger(case: Case) -> Iterator[Check]:
    """Its scores belong to these rows, are all there, and no row was seen in training."""
    model, holdout = case.challenger, case.holdout
    for reason in _score_problems(model, holdout):
        yield Check("challenger", "fail", reason, n_rows=len(holdout))
    if seen := int(holdout.seen_by_challenger.sum()):
        message = f"{seen:,} of {len(holdout):,} holdout rows were in its training rows."
        yield Check("challenger", "fail", message, n_rows=len(holdout))


def _score_problems(model: Contender, holdout: Holdout) -> Iterator[str]:
    classes = model.contract.classes
    shape = (len(holdout), len(classes)) if model.contract.task == "classification" else None
    if model.holdout_id != holdout.id or len(model.scores) != len(holdout):
        yield "It was scored on other rows than these; score it again."
    elif model.scores.shape != (shape or (len(holdout),)):
        yield f"Its scores have the shape {model.scores.shape}."
    elif bad := int((~np.isfinite(model.scores)).sum()):
        yield f"{bad:,} of its {model.scores.size:,} scores are not finite numbers."
    if classes and (unknown := set(map(str, holdout.target)) - set(classes)):
        yield f"It does not know the classes {', '.join(sorted(unknown))} of the holdout."


def about_champion(case: Case, same: bool = True) -> Iterator[Check]:
    """It can be read and compared; `same` also asks whether it is the very same bundle."""
    champion = case.champion
    if isinstance(champion, Unusable):
        status: Status = "fail" if champion.kind == "unreadable" else "hold"
        yield Check("champion", status, f"{champion.name} is {champion.kind}: {champion.reason}.")
    elif champion and (other := _other_question(case.challenger, champion)):
        yield Check("champion", "hold", f"{champion.name} cannot be compared: {other}.")
    elif champion:
        for reason in _score_problems(champion, case.holdout):
            yield Check("champion", "fail", f"{champion.name}: {reason}")
        if same and champion.id == case.challenger.id:
            yield Check("champion", "hold", f"It is {champion.name} itself: nothing to promote.")


def _other_question(challenger: Contender, champion: Contender) -> str | None:
    """What makes two models answer different questions; None where they answer the same one.

    With two classes the second is the positive one, so their order counts; with more it does
    not.
    """
    new, old = challenger.contract, champion.contract
    asked = {name: (getattr(old, name), getattr(new, name)) for name in ("task", "target")}
    asked["unit"] = (old.target_unit, new.target_unit)
    ordered = (lambda classes: classes) if len(new.classes) == 2 else sorted
    asked["classes"] = tuple(", ".join(ordered(each.classes)) for each in (old, new))
    for name, (before, now) in asked.items():
        if before != now:
            return f"its {name} is {before or 'none'}, the challenger's {now or 'none'}"
    return None


def enough_rows(case: Case) -> Iterator[Check]:
    """The fewest rows that a decision may rest on, in all and unseen by the champion."""
    need, have = case.policy.min_rows, len(case.holdout)
    message = f"{have:,} holdout rows."
    if case.rival and len(case.fresh) < have:
        have = len(case.fresh)
        message = f"{have:,} rows to compare on; {len(case.holdout) - have:,} more were left out,"
        message += f" for {case.rival.name} was trained on them."
    short: Status = "hold" if have < need else "pass"
    needed = need if short == "hold" else None
    yield Check("rows", short, message, threshold=need, n_rows=have, rows_needed=needed)


def within_absolute_limits(case: Case) -> Iterator[Check]:
    """Each metric of the challenger alone keeps to its floor or ceiling.

    The estimate beyond the limit fails. An estimate that keeps to it passes only when its
    whole interval does; otherwise the rows are too few to tell, and the model is held.
    """
    for name, limit in case.policy.absolute.items():
        yield _limit_check("absolute", case, case.metric(name), limit)


def calibrated(case: Case) -> Iterator[Check]:
    """Predictions agree with what happened, as `within_absolute_limits` judges."""
    if rule := case.policy.calibration:
        yield _limit_check("calibration", case, case.metric(rule.metric), rule.at_most)


def _limit_check(name: str, case: Case, metric: Metric, limit: float) -> Check:
    interval = case.value_on(metric, slice(None))
    room = metric.sign * (interval.estimate - limit)
    certain = metric.sign * ((interval.low if metric.sign > 0 else interval.high) - limit)
    side = "at least" if metric.sign > 0 else "at most"
    fields = numbers(case, metric, interval, limit)
    if not interval.defined:
        return Check(name, "fail", "These rows do not define it: not a finite number.", **fields)
    if room < 0:
        status: Status = "hold" if interval.n_rows < case.policy.min_rows else "fail"
        return Check(name, status, f"It must be {side} {number(limit)}.", **fields)
    if certain < 0:
        needed = rows_to_decide(interval, 2 * room)
        message = f"It keeps to {side} {number(limit)}, but {_too_few(needed)}."
        return Check(name, "hold", message, **fields, rows_needed=needed)
    return Check(name, "pass", f"{side} {number(limit)}.".capitalize(), **fields)


def _too_few(needed: int | None) -> str:
    return "these rows cannot tell" + (f"; about {needed:,} would" if needed else "")


def compared_with_champion(case: Case) -> Iterator[Check]:
    """The gain in the primary metric, on rows that neither has seen; positive is better.

    Let `null` be -margin for non-inferiority and 0 for superiority, and `hoped` be one margin
    above it: two equal models, or a gain worth having. The challenger passes when the whole
    interval lies above `null`, and fails when the whole interval lies below `hoped`; an
    interval that holds both is wider than the margin, and held: too few rows. So an equal
    model passes non-inferiority and fails superiority, given enough rows (Liu et al. 2006,
    doi:10.1002/sim.2358, for paired areas under the ROC curve).
    """
    if case.gain is None:
        if case.champion is None:
            yield Check("comparison", "skip", "No champion yet: absolute limits only.")
        return
    rule, gain = case.policy.primary, case.gain
    null = -rule.margin if rule.mode == "non_inferiority" else 0.0
    needed = None
    status, message = _judge_gain(gain, null, rule.margin, case.rival.name)
    if len(case.fresh) < case.policy.min_rows:
        status, message = "hold", f"Fewer than {case.policy.min_rows:,} rows decide nothing."
        needed = case.policy.min_rows
    if status == "hold":
        needed = max(rows_to_decide(gain, rule.margin) or 0, needed or 0) or None
        message += f" About {needed:,} rows would decide." if needed else ""
    fields = numbers(case, case.primary, gain, null)
    yield Check("comparison", status, message, **fields, rows_needed=needed)


def _judge_gain(gain: Interval, null: float, margin: float, name: str) -> tuple[Status, str]:
    if not gain.defined:
        return "fail", "The gain is not a finite number: these rows do not define it."
    if gain.low > null:
        better = f"better than {name}"
        shown = better if gain.low > 0 else f"not worse than {name} by {number(margin)} or more"
        return "pass", f"Shown to be {shown}."
    if gain.high < null + margin:
        shown = "worse than" if null else f"less than {number(margin)} better than"
        return "fail", f"Shown to be {shown} {name}."
    return "hold", "These rows are too few to tell."


def not_too_good(case: Case) -> Iterator[Check]:
    """A leak looks like success: a value or a gain beyond belief is held for a person to explain.

    HOLD and not REJECT, because an honest reason is possible (a new column, a mended source),
    and only a person can know it.
    """
    rule, metric = case.policy.suspicion, case.primary
    value = case.value_on(metric, slice(None))
    yield _suspicion("too good", case, value, rule.too_good, metric.sign)
    if case.gain is not None and case.gain.n_rows:
        yield _suspicion("sudden gain", case, case.gain, rule.max_gain, 1)


def _suspicion(name: str, case: Case, value: Interval, limit: float, sign: int) -> Check:
    beyond = math.isfinite(value.estimate) and sign * (value.estimate - limit) > 0
    message = "Too good to be true? Look for a column that knows the answer."
    fields = numbers(case, case.primary, value, limit)
    return Check(name, "hold", message, **fields) if beyond else Check(name, "pass", "", **fields)


def within_budgets(case: Case) -> Iterator[Check]:
    """What was measured on the built container keeps to its ceiling."""
    for name, budget in case.policy.budgets.items():
        value = case.measurements.get(name)
        if value is None:
            status: Status = "hold" if budget.required else "skip"
            message = "Not measured here."
        else:
            kept = math.isfinite(value) and value <= budget.at_most
            status, message = ("pass", "") if kept else ("fail", "Over its budget, or no number.")
        yield Check(
            "budget", status, message, estimate=value, threshold=budget.at_most, metric=name
        )


CHECKS: tuple[Callable[[Case], Iterable[Check]], ...] = (
    about_champion,
    enough_rows,
    compared_with_champion,
    within_absolute_limits,
    calibrated,
    not_too_good,
    within_budgets,
)
