"""One look: the days of a model in production against its reference, to findings with actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlops_loop.daily.day import Day, calendar
from mlops_loop.daily.quantities import Series, series
from mlops_loop.daily.reference import Reference
from mlops_loop.errors import UsageError
from mlops_loop.monitoring import checks, harm, operations
from mlops_loop.monitoring.against_training import (
    by_check,
    examine_groups,
    without_reference,
)
from mlops_loop.monitoring.alarm_budget import AlarmBudget
from mlops_loop.monitoring.causes import Cause, group
from mlops_loop.monitoring.checks import Check, Verdict
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.findings import Actions, Findings
from mlops_loop.monitoring.labels import coverage
from mlops_loop.monitoring.operations import Limits
from mlops_loop.text import listed

NONE = Limits()


def examine(
    reference: Reference, days: Sequence[Day], policy: MonitorConfig, limits: Limits = NONE
) -> Findings:
    """Look at the end of the last of these days.

    days: counts, in any order, of whole days; dates without rows may be left out. Those before the
    first row of the model of the reference count for operations alone. limits: of operations.
    Raises UsageError where there is none, where one has other bins, and where the policy names a
    column that the model has not.
    """
    whole = _calendar(reference, days)
    _require_columns(reference, policy)
    known = whole[next((i for i, day in enumerate(whole) if day.rows), 0) :]
    dates, frame = [day.date for day in known], reference.frame
    score = next(iter(frame.scores), "")
    labels = coverage(known, score, frame.scores.get(score))
    groups, spreads = _watched(checks.grouped(series(frame, known)), policy), by_check(reference)
    budget = AlarmBudget.of(groups, spreads, policy)
    found, alarms = examine_groups(groups, dates, reference, policy, budget, labels)
    found += without_reference(limits.slices, frame, dates)
    limits = replace(limits, newest_row=reference.newest)
    own = operations.examine_operations(whole, labels, policy, limits, budget.other)
    (loss,), holdout = groups.get("loss", [None]), spreads.get("loss", {}).get("")
    proof = harm.proven(loss, dates, labels, holdout, policy)
    if holdout and proof and proof.alarm and not any(check.name == "loss" for check, _ in alarms):
        shown = proof.as_check(holdout.mean, policy.material.loss)
        found, alarms = [*found, shown], [*alarms, (shown, proof.since)]
    causes = group([*alarms, *own.alarms])
    return Findings(
        dates[-1], _overall(found, causes), (*found, *own.checks), causes,
        Actions.of(causes, proof), labels, own.facts, proof, policy.alarms_per_year, reference.unit,
    )  # fmt: skip


def _watched(groups: dict[str, list[Series]], policy: MonitorConfig) -> dict[str, list[Series]]:
    left_out = {name for name, own in policy.columns.items() if not own.watch}
    return {name: own for name, own in groups.items() if own[0].column not in left_out}


def _calendar(reference: Reference, days: Sequence[Day]) -> list[Day]:
    """Whole days in order, with empty ones for dates without rows."""
    if not days:
        raise UsageError("There is no day to examine. Next: fold the prediction log first")
    frame = reference.frame.id
    if other := next((day for day in days if day.frame != frame), None):
        raise UsageError(
            f"The counts of {other.date} are in the bins of frame {other.frame}, this reference "
            f"has {frame}: they are of another model. Next: fold the log anew with this bundle"
        )
    return calendar(days)


def _require_columns(reference: Reference, policy: MonitorConfig) -> None:
    names = reference.frame.contract.names
    if unknown := [name for name in policy.columns if name not in names]:
        raise UsageError(
            f"monitor.yaml: columns.{unknown[0]}: the model has no such column. It has: "
            f"{listed(names)}."
        )


def _overall(found: Sequence[Check], causes: Sequence[Cause]) -> Verdict:
    """The worst alarm; else `unknown` where no check of the model could tell."""
    if causes:
        return causes[0].verdict
    return "ok" if any(check.verdict == "ok" for check in found) else "unknown"
