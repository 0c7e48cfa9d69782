"""One look: the days of a model in production against its reference, to findings with actions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlops_loop.daily.day import LATENCIES_MS, Day, calendar
from mlops_loop.daily.quantities import Series, series
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.spread import Spread
from mlops_loop.errors import UsageError
from mlops_loop.monitoring import checks
from mlops_loop.monitoring.causes import ORDER, Cause, first_day, group
from mlops_loop.monitoring.checks import Check, Rule, Verdict, Window
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.harm import Detector
from mlops_loop.monitoring.labels import Coverage, coverage
from mlops_loop.monitoring.noise import LEAST_UNITS, Noise
from mlops_loop.text import listed

LOOKS = 365  # a year: one each day
UPPER = 0.05  # tail beyond the upper bound of the holdout's mean loss


@dataclass(frozen=True)
class Harm:
    """The e-detector of `harm.py` after all mature days; an alarm from `alarm_at` on."""

    evidence: float
    alarm_at: float
    limit: float
    days: int

    @property
    def alarm(self) -> bool:
        """Whether harm is proven, however often one looked."""
        return self.evidence >= self.alarm_at


@dataclass(frozen=True)
class Operations:
    """Counts that no model explains. rows, requests: of the last day. usual_rows: median of the 28
    days before it. latency_ms: which 95 % of its requests do not exceed; None where unknown."""

    rows: int
    requests: int
    usual_rows: float | None
    latency_ms: float | None


@dataclass(frozen=True)
class Actions:
    """What follows. issues: causes that a person should see. report: causes that are drift of
    inputs alone. blocks_retraining: a model would learn what is broken. retrain: harm is proven
    and nothing is broken."""

    issues: tuple[Cause, ...]
    report: tuple[Cause, ...]
    blocks_retraining: bool
    retrain: bool


@dataclass(frozen=True)
class Findings:
    """The result of a look at the end of `date`.

    checks: of every window. alpha: of each of them. unit: of the reference, see daily/units.py.
    """

    date: str
    verdict: Verdict
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]
    actions: Actions
    coverage: Coverage
    operations: Operations
    harm: Harm | None
    alpha: float
    unit: str

    def by_name(self) -> dict[str, Check]:
        """For each check the window with the worst verdict; of quiet ones that sees most."""
        names = dict.fromkeys(check.name for check in self.checks)
        return {name: worst([c for c in self.checks if c.name == name]) for name in names}

    def blind(self) -> dict[str, Check]:
        """The checks that cannot tell, with the reason and what they could have seen."""
        return {name: c for name, c in self.by_name().items() if c.verdict == "unknown"}


def worst(found: Sequence[Check]) -> Check:
    """Of the windows of a check that with an alarm, else with a result, that sees most."""

    def rank(check: Check) -> tuple[bool, bool, int, float]:
        is_alarm = ORDER.index(check.verdict) > ORDER.index("unknown")
        smallest = math.inf if check.smallest is None else check.smallest
        return is_alarm, check.verdict == "ok", ORDER.index(check.verdict), -smallest

    return max(found, key=rank)


def examine(reference: Reference, days: Sequence[Day], policy: MonitorConfig) -> Findings:
    """Look at the end of the last of these days, which are all of the model of the reference.

    days: counts, in any order, of whole days; dates without rows may be left out. Raises UsageError
    where there is none, where one has other bins, and where the policy names a column that the
    model has not.
    """
    known = _calendar(reference, days)
    _require_columns(reference, policy)
    frame, score = reference.frame, next(iter(reference.frame.scores), "")
    labels = coverage(known, score, frame.scores.get(score))
    groups = _watched(checks.grouped(series(frame, known)), policy)
    spreads = _by_check(reference)
    alpha = policy.alarms_per_year / (LOOKS * max(_n_checks(groups, spreads, policy), 1))
    dates = [day.date for day in known]
    found, alarms = [], []
    for name, members in groups.items():
        kept = _mature(members, dates, labels) if name == "loss" else (members, dates)
        rule = _rule(members[0], reference, policy, alpha)
        own = _windows(*kept, spreads.get(name, {}), policy, rule)
        found += own
        if own and ORDER.index((bad := worst(own)).verdict) > ORDER.index("unknown"):
            alarms.append((bad, _since(bad, kept[0], kept[1], spreads[name])))
    causes = group(alarms)
    harm = _harm(groups, dates, labels, spreads, policy)
    return Findings(
        dates[-1], _overall(found, causes), tuple(found), causes, _actions(causes, harm), labels,
        _operations(known), harm, alpha, reference.unit,
    )  # fmt: skip


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


def _watched(groups: dict[str, list[Series]], policy: MonitorConfig) -> dict[str, list[Series]]:
    left_out = {name for name, own in policy.columns.items() if not own.watch}
    return {name: own for name, own in groups.items() if own[0].column not in left_out}


def _by_check(reference: Reference) -> dict[str, dict[str, Spread]]:
    spreads: dict[str, dict[str, Spread]] = {}
    for (name, part), spread in reference.spreads.items():
        spreads.setdefault(name, {})[part] = spread
    return spreads


def _n_checks(
    groups: Mapping[str, Sequence[Series]], spreads: Mapping[str, object], policy: MonitorConfig
) -> int:
    """How many checks of windows a look has, of those that can alarm at all."""
    kinds = [own[0].kind for name, own in groups.items() if name in spreads]
    return sum(days >= checks.SHORTEST[kind] for kind in kinds for days in policy.windows)


def _rule(one: Series, reference: Reference, policy: MonitorConfig, alpha: float) -> Rule:
    material = policy.material_of(one.kind, one.column)
    return Rule(alpha, material, reference.unit, policy.min_rows)


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


def _overall(found: Sequence[Check], causes: Sequence[Cause]) -> Verdict:
    """The worst alarm; else `unknown` where no check could tell, or there is none."""
    if causes:
        return causes[0].verdict
    return "ok" if any(check.verdict == "ok" for check in found) else "unknown"


def _actions(causes: Sequence[Cause], harm: Harm | None) -> Actions:
    issues = [c for c in causes if c.verdict != "drifted" or c.reaches_model]
    broken = any(cause.verdict == "broken" for cause in causes)
    proven = bool(harm and harm.alarm)
    report = tuple(cause for cause in causes if cause not in issues)
    return Actions(tuple(issues), report, broken, proven and not broken)


def _harm(
    groups: Mapping[str, Sequence[Series]], dates: Sequence[str], labels: Coverage,
    spreads: Mapping[str, Mapping[str, Spread]], policy: MonitorConfig,
) -> Harm | None:  # fmt: skip
    """None where nobody can tell: no loss, no mature day, or too few days of the holdout."""
    spread = spreads.get("loss", {}).get("")
    if "loss" not in groups or not labels.mature or not spread or spread.units < LEAST_UNITS:
        return None
    (one,), detector = groups["loss"], detector_of(spread, policy)
    mature = np.isin(dates, labels.mature)
    detector = detector.after(one.means[mature])
    return Harm(detector.evidence, detector.alarm_at, detector.limit, detector.days)


def detector_of(spread: Spread, policy: MonitorConfig) -> Detector:
    """Before the first day; its limit is the upper bound of the holdout's mean loss, and `loss`."""
    noise = Noise.of(spread, "day")
    upper = spread.mean + noise.reach(math.sqrt(noise.error), UPPER, sides=1)
    limit = min(upper + policy.material.loss, 1.0)
    return Detector(limit, max(LOOKS / policy.alarms_per_year, 1.0))


def _operations(days: Sequence[Day]) -> Operations:
    last, before = days[-1], [day.rows for day in days[-29:-1]]
    rows, requests = last.counts.get("rows", (0, 0))
    usual = float(np.median(before)) if before else None
    return Operations(rows, requests, usual, _latency(last))


def _latency(day: Day) -> float | None:
    counts = np.array(day.counts.get("latency", ()), dtype=float)
    if not counts.any():
        return None
    place = int(np.searchsorted(np.cumsum(counts) / counts.sum(), 0.95))
    return float((*LATENCIES_MS, math.inf)[place])
