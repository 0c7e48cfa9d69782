"""What the page shows, out of the ledger, the days of production and the findings of a look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from mlops_loop.daily.day import Day, calendar
from mlops_loop.daily.quantities import Series, series
from mlops_loop.daily.reference import Reference
from mlops_loop.monitoring import checks
from mlops_loop.monitoring.causes import ORDER
from mlops_loop.monitoring.checks import Check
from mlops_loop.monitoring.estimate import Estimate, estimate
from mlops_loop.monitoring.findings import Findings
from mlops_loop.registry.entries import Ledger
from mlops_loop.text import with_unit

SHOWN_DAYS, HEAT_DAYS = 90, 28
Values = list[float | None]


@dataclass(frozen=True)
class State:
    """All that the page is made of. note: what the days are, as a replay, where that is so.

    days: all of the model in production, in any order; made_at: UTC.
    """

    project: str
    made_at: datetime
    ledger: Ledger
    findings: Findings
    reference: Reference
    days: Sequence[Day]
    note: str = ""


@dataclass(frozen=True)
class Watched:
    """A check by day: its result, and the values of the last days."""

    check: Check
    values: Values


@dataclass(frozen=True)
class Performance:
    """The loss by day, as a share of the bound, which is in `unit`.

    coverage: share of rows with a label, by day.
    """

    dates: list[str]
    loss: str
    bound: float
    values: Values
    coverage: list[float]
    check: Check | None
    estimate: Estimate | None
    unit: str = ""


@dataclass(frozen=True)
class Score:
    """A metric of versions with intervals, as the gate found them when each was registered.

    metric: its name, with its unit.
    """

    metric: str
    versions: list[str]
    intervals: list[tuple[float, float, float]]


def watched(state: State) -> list[Watched]:
    """Every check with its days; alarms first, then what cannot tell, of each the model first."""
    groups = checks.grouped(series(state.reference.frame, calendar(state.days)[-SHOWN_DAYS:]))
    found = [
        Watched(check, _by_day(check, groups, state.findings))
        for check in state.findings.by_name().values()
    ]
    return sorted(found, key=lambda one: (-ORDER.index(one.check.verdict), bool(one.check.column)))


def _by_day(check: Check, groups: dict[str, list[Series]], findings: Findings) -> Values:
    own = findings.operations.by_day.get(check.name)
    if own is not None:
        return list(own[-SHOWN_DAYS:])
    return _values(_shown(check, groups[check.name])) if check.name in groups else []


def _shown(check: Check, members: Sequence[Series]) -> Series:
    """Of a mix the level that moved most."""
    return next((one for one in members if one.part == check.part), members[0])


def _values(one: Series) -> Values:
    return [float(v) if n and math.isfinite(v) else None
            for v, n in zip(one.means, one.rows, strict=True)]  # fmt: skip


def heat(state: State) -> tuple[list[str], dict[str, Values]]:
    """Dates, and for each column by day the largest shift of its checks.

    1 is the end of what raises no alarm, in the window that is shown for the check, and of a mix a
    shift of one level that matters. None where the column has no value on a day, and where no check
    of it can tell.
    """
    days = calendar(state.days)[-HEAT_DAYS:]
    known = state.findings.by_name()
    rows: dict[str, list[np.ndarray]] = {}
    for one in series(state.reference.frame, days):
        spread = state.reference.spreads.get((one.name, one.part))
        if one.column and spread and one.name in known and one.kind not in ("score", "loss"):
            check = known[one.name]
            tells = (one.rows > 0) & (check.verdict != "unknown")
            shift = np.where(tells, _shift(one, spread.mean, check), np.nan)
            rows.setdefault(one.column, []).append(shift)
    return [day.date for day in days], {name: _largest(found) for name, found in rows.items()}


def _shift(one: Series, usual: float, check: Check) -> np.ndarray:
    """How far each day is on the way from `usual` to the end of the band, (n_days,)."""
    far = check.material or 1.0
    up, down = far, far
    if check.band and one.kind != "mix":
        up, down = check.band[1] - usual, usual - check.band[0]
    moved = one.means - usual
    room = np.where(moved > 0, max(up, 1e-9), max(down, 1e-9))
    upwards = one.kind in checks.UPWARDS
    return np.maximum(moved / room, 0) if upwards else np.abs(moved) / room


def _largest(found: Sequence[np.ndarray]) -> Values:
    stacked = np.array(found)
    none = np.isnan(stacked).all(axis=0)
    largest = np.where(np.isnan(stacked), -1, stacked).max(axis=0)
    return [None if empty else float(v) for v, empty in zip(largest, none, strict=True)]


def performance(state: State) -> Performance | None:
    """None where the task has no loss of a row."""
    frame, days = state.reference.frame, calendar(state.days)[-SHOWN_DAYS:]
    if not frame.loss:
        return None
    (one,) = (s for s in series(frame, days) if s.name == "loss")
    shares = [day.counts.get("loss", (0,))[0] / max(day.rows, 1) for day in days]
    mature = state.findings.coverage.mature
    check = state.findings.by_name().get("loss")
    return Performance(
        [day.date for day in days], frame.loss, frame.bound, _values(one), shares, check,
        estimate(frame, days, mature),
        frame.loss_unit,
    )  # fmt: skip


def scores(ledger: Ledger) -> list[Score]:
    """Metrics with an interval that the gate's verdict of some version holds, by metric."""
    found: dict[str, Score] = {}
    for entry in ledger.versions:
        for row in entry.note.get("verdict", {}).get("checks", []):
            whole = row.get("name") == "absolute" and not row.get("slice")
            ends = row.get("low"), row.get("estimate"), row.get("high")
            if whole and all(isinstance(end, int | float) for end in ends):
                title = with_unit(row["metric"], row.get("unit", ""))
                score = found.setdefault(title, Score(title, [], []))
                score.versions.append(entry.version)
                score.intervals.append(ends)
    return list(found.values())
