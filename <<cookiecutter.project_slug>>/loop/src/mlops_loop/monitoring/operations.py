"""Checks of operations, which need no training: rows, and what else the days count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlops_loop.daily.day import LATENCIES_MS, Day
from mlops_loop.monitoring.checks import Check
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.findings import Operations, Values
from mlops_loop.monitoring.latency import watch_latency
from mlops_loop.monitoring.runs import Watched, examine_run
from mlops_loop.monitoring.volume import watch_volume


@dataclass(frozen=True)
class Limits:
    """What elsewhere is agreed on. latency_ms: budget of the gate; None without one."""

    latency_ms: float | None = None


@dataclass(frozen=True)
class Examined:
    """checks: one of each kind. alarms: those of them, with the first day of the row."""

    checks: tuple[Check, ...]
    alarms: tuple[tuple[Check, str], ...]
    facts: Operations


def examine_operations(
    days: Sequence[Day], policy: MonitorConfig, limits: Limits, alpha: float
) -> Examined:
    """At the end of the last of these consecutive days. alpha: of each check."""
    dates = [day.date for day in days]
    rows = np.array([day.total for day in days], dtype=float)
    material, least = policy.material, policy.min_rows
    watched = [
        watch_volume(rows, alpha, material.volume, least),
        watch_latency(days, limits.latency_ms, alpha, material.slow, least),
    ]
    found = [examine_run(one, dates) for one in watched]
    by_day = {one.kind: _values(one) for one in watched}
    return Examined(
        tuple(check for check, _ in found),
        tuple(one for one in found if one[0].verdict == "degraded"),
        _facts(days, by_day),
    )


def _values(watched: Watched) -> Values:
    return tuple(v if math.isfinite(v) else None for v in watched.values.tolist())


def _facts(days: Sequence[Day], by_day: dict[str, Values]) -> Operations:
    last, before = days[-1], [day.rows for day in days[-29:-1]]
    rows, requests = last.counts.get("rows", (0, 0))
    usual = float(np.median(before)) if before else None
    return Operations(rows, requests, usual, _latency(last), by_day)


def _latency(day: Day) -> float | None:
    counts = np.array(day.counts.get("latency_ms", ()), dtype=float)
    if not counts.any():
        return None
    place = int(np.searchsorted(np.cumsum(counts) / counts.sum(), 0.95))
    return float((*LATENCIES_MS, math.inf)[place])
