"""A look at production: new days are read, counted and kept, then all days are examined.

Only whole days (UTC) count. A day is counted anew while its outcomes may still come; after that its
counts in the history stand, whatever the log has forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_loop import paths
from mlops_loop.daily.day import DELAYS_DAYS, Day, merge
from mlops_loop.daily.problem_counts import count_problems
from mlops_loop.daily.production import fold_rows
from mlops_loop.daily.reference import Reference
from mlops_loop.errors import ProjectError
from mlops_loop.model.bundle import Bundle
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import examine
from mlops_loop.monitoring.findings import Findings
from mlops_loop.monitoring.operations import Limits
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.opened import open_source
from mlops_loop.registry import champion, ledger
from mlops_loop.storage.history import History

NONE = Limits()
BEFORE_DAYS = 28  # before the registration: a replay begins there, and so may a trial
MOST_DAYS = 400  # of a history that is examined


@dataclass(frozen=True)
class Look:
    """What a look found. days: with rows of the model `version`, in order.

    note: what is to be said of these days, as that they are a replay. reason: why nothing was
    examined, with the next command; `findings` is None then. bundle_id: of the model.
    """

    version: str = ""
    bundle_id: str = ""
    reference: Reference | None = None
    days: tuple[Day, ...] = ()
    findings: Findings | None = None
    note: str = ""
    reason: str = ""


def look(
    root: Path, policy: MonitorConfig, history: History, now: datetime, limits: Limits = NONE
) -> Look:
    """Look at the model in production at the end of yesterday; counts are kept in `history`.

    limits: of operations, from elsewhere than monitor.yaml.
    What keeps it from a result (no model, no rows, a log that cannot be read) is its `reason`.
    """
    entries = ledger.read(root)
    if not (current := entries.current()):
        return Look(reason=f"Nothing is in production yet. Next: {entries.first_step()}")
    version = entries.find(current.version)
    try:
        model = champion.fetch_version(root, version, root / paths.CHAMPION)
    except ProjectError as error:
        return Look(version.version, reason=str(error))
    known = Look(version.version, model.id, _reference(model))
    if policy.traffic is None:
        return _without(known, "monitor.yaml has no traffic. See loop/docs/monitoring-traffic.md")
    if known.reference is None:
        text = "was trained before its days were counted. Next: train and release a model"
        return _without(known, f"{version.version} {text}")
    since = datetime.fromisoformat(version.time).astimezone(UTC).date()
    since -= timedelta(days=BEFORE_DAYS)
    return _examined(known, root, policy, history, since, now, limits)


def _reference(model: Bundle) -> Reference | None:
    days = model.read_json("reference.json").get("days")
    return Reference.from_json(days, model.contract) if days else None


def _without(known: Look, reason: str, note: str = "") -> Look:
    return Look(known.version, known.bundle_id, known.reference, note=note, reason=reason)


def _examined(
    known: Look, root: Path, policy: MonitorConfig, history: History, since: date, now: datetime,
    limits: Limits,
) -> Look:  # fmt: skip
    """With the days from `since` on, the last MOST_DAYS of them."""
    assert known.reference
    assert policy.traffic
    until = now.astimezone(UTC).date()
    since = max(since, until - timedelta(days=MOST_DAYS))
    note = ""
    try:
        source = open_source(policy.traffic, root, now)
        note = source.note
        days = _counted(known, source, history, (since, until), now)
        found = any(day.rows for day in days)
        findings = examine(known.reference, days, policy, limits) if found else None
    except ProjectError as error:
        return _without(known, str(error), note)
    if not findings:
        return _without(known, f"No row of {known.version} came since {since}.", note)
    first = next(i for i, day in enumerate(days) if day.rows)
    return Look(
        known.version, known.bundle_id, known.reference, tuple(days[first:]), findings, note
    )


def _counted(
    known: Look, source: table.Source, history: History, span: tuple[date, date], now: datetime
) -> list[Day]:
    """Days of the history, and those that are not in it or may change."""
    assert known.reference
    kept = _kept(history.read(*span), known.reference.frame.id)
    settled = span[1] - timedelta(days=DELAYS_DAYS[-1])
    dates = [span[0] + timedelta(days=n) for n in range((span[1] - span[0]).days)]
    new = {str(d): _read(known, source, d) for d in dates if str(d) not in kept or d >= settled}
    history.put({f"{name}/{day.frame}": day.as_json() for name, day in new.items()}, now)
    return merge({**kept, **new}.values())


def _kept(found: Mapping[str, Mapping[str, Any]], frame: str) -> dict[str, Day]:
    """Days in the bins of the frame, by date."""
    days = (Day.from_json(content) for content in found.values())
    return {day.date: day for day in days if day.frame == frame}


def _read(known: Look, source: table.Source, day: date) -> Day:
    """The counts of a day; empty ones where nothing came."""
    assert known.reference
    frame, total = known.reference.frame, Day(str(day), known.reference.frame.id)
    for rows in source.day(day):
        for part in fold_rows(frame, rows, known.version):
            total += part
    if (problems := source.problems(day)) is not None:
        total += count_problems(str(day), frame.id, problems)
    return total
