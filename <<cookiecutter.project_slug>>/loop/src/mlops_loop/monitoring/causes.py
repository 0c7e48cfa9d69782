"""Alarms by cause: checks whose shift began on the same day are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from mlops_loop.monitoring.checks import OPERATIONAL, Check, Verdict

# The worst last.
ORDER: tuple[Verdict, ...] = ("ok", "unknown", "drifted", "degraded", "harmed", "broken")
SAME_DAYS = 1  # between the first days of checks with one cause


@dataclass(frozen=True)
class Cause:
    """Checks that began to alarm together; `verdict` is the worst of theirs.

    since: the first day of the shift, as it looks now. checks: the worst first.
    """

    verdict: Verdict
    since: str
    checks: tuple[Check, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the model input that are part of it; slices and classes are none."""
        inputs = (check for check in self.checks if check.kind not in ("score", "loss"))
        return tuple(dict.fromkeys(check.column for check in inputs if check.column))

    @property
    def reaches_model(self) -> bool:
        """Whether what the model predicts moved, or its loss."""
        return any(check.kind in ("score", "loss") for check in self.checks)


def first_day(means: np.ndarray, expected: float, value: float) -> int:
    """The place of the day on which a shift from `expected` to `value` began.

    Where the cumulative sum of what is beyond half of the shift is least (Page 1954,
    doi:10.1093/biomet/41.1-2.100). means: (n_days,), NaN without rows.
    """
    beyond = np.nan_to_num((means - (expected + value) / 2) * np.sign(value - expected))
    total = np.concatenate([[0.0], np.cumsum(beyond)])
    return min(int(total.argmin()), len(means) - 1)


def group(alarms: Sequence[tuple[Check, str]]) -> tuple[Cause, ...]:
    """Causes out of checks that alarm, each with the first day of its shift; the worst first.

    Operations are causes of their own: what is to be done about them is something else.
    """
    own = [pair for pair in alarms if pair[0].kind in OPERATIONAL]
    found = [*_grouped([pair for pair in alarms if pair not in own]), *_grouped(own)]
    return tuple(sorted(found, key=lambda cause: (-ORDER.index(cause.verdict), cause.since)))


def _grouped(alarms: Sequence[tuple[Check, str]]) -> list[Cause]:
    causes: list[list[tuple[Check, str]]] = []
    for check, since in sorted(alarms, key=lambda pair: (pair[1], pair[0].name)):
        if causes and _days(causes[-1][0][1], since) <= SAME_DAYS:
            causes[-1].append((check, since))
        else:
            causes.append([(check, since)])
    return [_cause(members) for members in causes]


def _cause(members: Sequence[tuple[Check, str]]) -> Cause:
    checks = sorted((check for check, _ in members), key=_badness)
    return Cause(checks[0].verdict, members[0][1], tuple(checks))


def _badness(check: Check) -> tuple[int, float, str]:
    return -ORDER.index(check.verdict), check.p or 0.0, check.name


def _days(one: str, other: str) -> int:
    return abs((date.fromisoformat(one) - date.fromisoformat(other)).days)
