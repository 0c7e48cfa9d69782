"""Checks against training: every window of every quantity, and since when it is as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mlops_loop.daily.bins import LevelBins
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.quantities import Series
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.spread import Spread
from mlops_loop.monitoring import checks
from mlops_loop.monitoring.alarm_budget import AlarmBudget
from mlops_loop.monitoring.causes import first_day
from mlops_loop.monitoring.checks import Check, Rule, Window
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.findings import is_alarm, worst
from mlops_loop.monitoring.labels import Coverage

Groups = Mapping[str, Sequence[Series]]  # by name of the check
Alarm = tuple[Check, str]  # with the first day of its shift


def examine_groups(
    groups: Groups, dates: Sequence[str], reference: Reference, policy: MonitorConfig,
    budget: AlarmBudget, labels: Coverage,
) -> tuple[list[Check], list[Alarm]]:  # fmt: skip
    """The checks of all windows that end with the last day, and of each name the worst alarm."""
    spreads = by_check(reference)
    found, alarms = [], []
    for name, members in groups.items():
        kept = _mature(members, dates, labels) if members[0].kind == "loss" else (members, dates)
        rule = _rule(members[0], reference, policy, budget)
        own = without_past(_windows(*kept, spreads.get(name, {}), policy, rule))
        found += own
        if own and is_alarm(bad := worst(own)):
            alarms.append((bad, _since(bad, *kept, spreads[name])))
    return found, alarms


def without_reference(columns: Sequence[str], frame: Frame, dates: Sequence[str]) -> list[Check]:
    """For each of these columns whose slices nobody can watch, why that is."""
    return [
        Check(f"loss:{name}", "loss", name, 1, dates[-1], dates[-1], "unknown", reason=reason)
        for name in columns
        if (reason := _why_not_a_slice(name, frame))
    ]


def _why_not_a_slice(name: str, frame: Frame) -> str:
    if name in frame.slices:
        return ""
    if name not in frame.columns:
        return "it is no column of the model, so production does not know it"
    if not isinstance(frame.columns[name], LevelBins):
        return "it is a number, and slices are watched by category"
    return "the model was trained without it in evaluate.slices, or by an earlier version"


def by_check(reference: Reference) -> dict[str, dict[str, Spread]]:
    """The spreads of a reference by name of the check, then by part of a mix."""
    spreads: dict[str, dict[str, Spread]] = {}
    for (name, part), spread in reference.spreads.items():
        spreads.setdefault(name, {})[part] = spread
    return spreads


def _rule(one: Series, reference: Reference, policy: MonitorConfig, budget: AlarmBudget) -> Rule:
    material = policy.material_of(one.kind, one.column)
    return Rule(budget.alpha(one.name), material, reference.unit, policy.min_rows)


def _mature(
    members: Sequence[Series], dates: Sequence[str], labels: Coverage
) -> tuple[list[Series], list[str]]:
    """The loss up to the last day whose labels have come; other days count as days without rows."""
    n = dates.index(labels.mature[-1]) + 1 if labels.mature else len(dates)
    counts = np.isin(dates[:n], labels.mature)
    kept = [
        replace(
            one, rows=np.where(counts, one.rows[:n], 0), means=one.means[:n],
            variances=one.variances[:n],
        )
        for one in members
    ]  # fmt: skip
    return kept, list(dates[:n])


def _windows(
    members: Sequence[Series], dates: Sequence[str], spreads: Mapping[str, Spread],
    policy: MonitorConfig, rule: Rule,
) -> list[Check]:  # fmt: skip
    return [
        _checked(members, spreads, window, rule)
        for window in checks.windows(dates, policy.windows)
        if window.days >= checks.SHORTEST[members[0].kind]
    ]


def without_past(found: Sequence[Check]) -> list[Check]:
    """A shift that is over is no alarm, though a long window is full of it."""
    past = [check for check in found if is_alarm(check) and any(_ends(c, check) for c in found)]
    return [replace(c, verdict="ok", reason="it is over") if c in past else c for c in found]


def _ends(recent: Check, alarm: Check) -> bool:
    """Whether a shorter window shows less than half of the shift, and that is no chance.

    Half of the smallest visible shift is 2 to 3 standard errors, with the alphas that a look has.
    """
    if recent.verdict != "ok" or recent.window >= alarm.window or recent.smallest is None:
        return False
    size = abs(alarm.effect or 0.0)
    seen = math.copysign(recent.effect or 0.0, (recent.effect or 0.0) * (alarm.effect or 0.0))
    return seen < size / 2 and size - seen >= recent.smallest / 2


def _checked(
    members: Sequence[Series], spreads: Mapping[str, Spread], window: Window, rule: Rule
) -> Check:
    """One check; whatever goes wrong in it is its own result, and spoils no other one."""
    try:
        if members[0].kind == "mix":
            return checks.examine_mix(members, spreads, window, rule)
        return checks.examine_mean(members[0], spreads.get(""), window, rule)
    except Exception as error:
        return checks.failed(members[0], window, rule, f"{type(error).__name__}: {error}")


def _since(
    check: Check, members: Sequence[Series], dates: Sequence[str], spreads: Mapping[str, Spread]
) -> str:
    one = next(series for series in members if series.part == check.part)
    expected, last = spreads[check.part].mean, slice(-check.window, None)
    rows = one.rows[last]
    known = np.where(rows > 0, np.nan_to_num(one.means[last]), 0)
    value = float(known @ rows / rows.sum())
    means = np.where(one.rows > 0, one.means, np.nan)
    return dates[first_day(means, expected, value)]
