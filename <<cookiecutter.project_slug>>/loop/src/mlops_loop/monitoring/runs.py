"""Checks of operations: a number by day against limits of its own day, for several days in a row.

One odd day, as a holiday, is no alarm. A day whose limits nobody knows breaks a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlops_loop.monitoring.checks import Check


@dataclass(frozen=True)
class Watched:
    """A check by day, each (n_days,), NaN where nobody can tell.

    values: what is watched. expected: its usual value. low, high: the ends of what is no alarm.
    p: of a day, without correction. rows: of a day. material: the smallest shift that matters, in
    the unit of the values. days: so many in a row, all on one side, are an alarm. reason: why the
    last day has no limits. part: what to look at first, where there are parts.
    """

    kind: str
    values: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    rows: np.ndarray
    material: np.ndarray
    days: int
    reason: str = ""
    part: str = ""


def examine_run(watched: Watched, dates: Sequence[str]) -> tuple[Check, str]:
    """The check at the end of the last day, and the first day of the row that ends there."""
    n = min(watched.days, len(dates))
    first, last = dates[-n], dates[-1]
    rows = int(np.nansum(watched.rows[-n:]))
    value, expected, low, high = (
        float(part[-1]) for part in (watched.values, watched.expected, watched.low, watched.high)
    )
    if not np.isfinite([value, expected, low, high]).all():
        return Check(
            watched.kind, watched.kind, "", n, first, last, "unknown", rows, reason=watched.reason
        ), last
    length = _length(watched)
    is_alarm = length >= watched.days
    found = Check(
        watched.kind, watched.kind, "", n, first, last, "degraded" if is_alarm else "ok", rows,
        value, expected, (low, high), value - expected, float(np.nanmax(watched.p[-n:])),
        float(watched.material[-1]), _smallest(expected, low, high), watched.part,
    )  # fmt: skip
    return found, dates[len(dates) - max(length, 1)]


def _length(watched: Watched) -> int:
    """Of the row of days at the end that are outside on the side of the last one."""
    side = np.where(watched.values > watched.high, 1, np.where(watched.values < watched.low, -1, 0))
    if not side[-1]:
        return 0
    other = np.flatnonzero(side != side[-1])
    return len(side) - 1 - int(other[-1]) if len(other) else len(side)


def _smallest(expected: float, low: float, high: float) -> float:
    """The smallest shift that leaves the limits, in a direction that has one."""
    down = expected - low if low > 0 else np.inf
    return float(min(high - expected, down))
