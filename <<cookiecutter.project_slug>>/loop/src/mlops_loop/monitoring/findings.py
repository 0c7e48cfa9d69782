"""What a look found: checks, causes, and what follows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlops_loop.monitoring.causes import ORDER, Cause
from mlops_loop.monitoring.checks import Check, Verdict
from mlops_loop.monitoring.harm import Harm
from mlops_loop.monitoring.labels import Coverage

Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Operations:
    """Counts that no model explains. rows, requests: of the last day. usual_rows: median of the 28
    days before it. latency_ms: which 95 % of its requests do not exceed; None where unknown.
    is_quiet_weekday: no row came on this day of the week in the last three or four weeks.
    by_day: what each check of operations watches, up to the last day; None where a day has none."""

    rows: int
    requests: int
    usual_rows: float | None
    latency_ms: float | None
    is_quiet_weekday: bool = False
    by_day: Mapping[str, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class Actions:
    """What follows. issues: causes that a person should see. report: causes that are drift of
    inputs alone. blocks_retraining: a model would learn what is broken. retrain: harm is proven
    and nothing is broken."""

    issues: tuple[Cause, ...]
    report: tuple[Cause, ...]
    blocks_retraining: bool
    retrain: bool

    @classmethod
    def of(cls, causes: Sequence[Cause], harm: Harm | None) -> Actions:
        """By the verdicts of all causes. Operations block nothing: they teach a model nothing."""
        issues = tuple(c for c in causes if c.verdict != "drifted" or c.reaches_model)
        broken = any(cause.verdict == "broken" for cause in causes)
        proven = bool(harm and harm.alarm)
        report = tuple(cause for cause in causes if cause not in issues)
        return cls(issues, report, broken, proven and not broken)


@dataclass(frozen=True)
class Findings:
    """The result of a look at the end of `date`.

    checks: of every window. alarms_per_year: false ones that all together may raise. unit: of
    the reference, see daily/units.py.
    """

    date: str
    verdict: Verdict
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]
    actions: Actions
    coverage: Coverage
    operations: Operations
    harm: Harm | None
    alarms_per_year: float
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
        smallest = math.inf if check.smallest is None else check.smallest
        return is_alarm(check), check.verdict == "ok", ORDER.index(check.verdict), -smallest

    return max(found, key=rank)


def is_alarm(check: Check) -> bool:
    """Whether it found something, not that all is well or that it cannot tell."""
    return ORDER.index(check.verdict) > ORDER.index("unknown")
