"""Checks of operations, which need no training: rows, and what else the days count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_loop.daily.day import LATENCIES_MS, Day
from mlops_loop.monitoring.checks import Check
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.data_age import watch_data
from mlops_loop.monitoring.findings import Operations, Values
from mlops_loop.monitoring.labels import Coverage
from mlops_loop.monitoring.latency import ALLOWED, watch_latency
from mlops_loop.monitoring.outcomes import old_days, watch_outcomes
from mlops_loop.monitoring.runs import Watched, examine_run
from mlops_loop.monitoring.shares import Allowed, watch_problems
from mlops_loop.monitoring.volume import watch_volume


@dataclass(frozen=True)
class Limits:
    """What is known elsewhere. latency_ms: budget of the gate; None without one. newest_row: date
    of the newest row that was trained or evaluated on; empty where unknown. slices: columns of
    the gate's slices."""

    latency_ms: float | None = None
    newest_row: str = ""
    slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examined:
    """checks: one of each kind. alarms: those of them, with the first day of the row."""

    checks: tuple[Check, ...]
    alarms: tuple[tuple[Check, str], ...]
    facts: Operations


def examine_operations(
    days: Sequence[Day], labels: Coverage, policy: MonitorConfig, limits: Limits, alpha: float
) -> Examined:
    """At the end of the last of these consecutive days. alpha: of each check."""
    watched = list(_watched(days, labels, policy, limits, alpha))
    found = [examine_run(one, dates) for one, dates in watched]
    by_day = {one.kind: _values(one) for one, _ in watched}
    return Examined(
        tuple(check for check, _ in found),
        tuple(one for one in found if one[0].verdict == "degraded"),
        _facts(days, by_day),
    )


def _watched(
    days: Sequence[Day], labels: Coverage, policy: MonitorConfig, limits: Limits, alpha: float
) -> Iterator[tuple[Watched, Sequence[str]]]:
    """Each check with the dates that it watches."""
    dates, material, least = [day.date for day in days], policy.material, policy.min_rows
    rows = np.array([day.total for day in days], dtype=float)
    yield watch_volume(rows, alpha, material.volume, least), dates
    slow = Allowed(ALLOWED, material.slow, alpha, least)
    yield watch_latency(days, limits.latency_ms, slow), dates
    for kind, share in (("refused", material.refused), ("errors", material.errors)):
        yield watch_problems(days, kind, Allowed(share, 0, alpha, least)), dates
    if old := old_days(days, labels, least):
        yield watch_outcomes(old, alpha, material.labels), [day.date for day in old]
    if policy.data_days:
        yield watch_data(limits.newest_row, dates, policy.data_days), dates


def _values(watched: Watched) -> Values:
    return tuple(v if math.isfinite(v) else None for v in watched.values.tolist())


def _facts(days: Sequence[Day], by_day: dict[str, Values]) -> Operations:
    last, before = days[-1], [day.rows for day in days[-29:-1]]
    rows, requests = last.counts.get("rows", (0, 0))
    usual = float(np.median(before)) if before else None
    weekday = [day.total for day in days[-8::-7]][:4]
    is_quiet = len(weekday) >= 3 and not any(weekday)
    return Operations(rows, requests, usual, _latency(last), is_quiet, by_day)


def _latency(day: Day) -> float | None:
    counts = np.array(day.counts.get("latency_ms", ()), dtype=float)
    if not counts.any():
        return None
    place = int(np.searchsorted(np.cumsum(counts) / counts.sum(), 0.95))
    return float((*LATENCIES_MS, math.inf)[place])
