"""Shares of requests that may not be large: refused, failed, slow.

A share of a day is held against what is allowed by an exact binomial test; no day before is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from mlops_loop.daily.day import Day
from mlops_loop.monitoring.runs import Watched

ROW = 2  # days that an alarm takes


@dataclass(frozen=True)
class Allowed:
    """share: that may be, and is tested. material: what beyond it matters. alpha: of a day. least:
    with fewer requests on a day nobody can tell."""

    share: float
    material: float
    alpha: float
    least: int


def watch_share(
    kind: str, hits: np.ndarray, requests: np.ndarray, allowed: Allowed, reason: str = "",
    part: str = "",
) -> Watched:  # fmt: skip
    """hits, requests: by day, whole numbers, (n_days,), 0 where not known."""
    known, share = requests >= allowed.least, allowed.share
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(known, hits / requests, np.nan)
        most = np.ceil(special.bdtrik(1 - allowed.alpha, requests, share)) / requests
    high = np.where(known, np.minimum(np.maximum(share + allowed.material, most), 1), np.nan)
    p = np.where(hits > 0, special.bdtrc(np.maximum(hits - 1, 0), requests, share), 1.0)
    each = np.ones(len(requests))
    return Watched(
        kind, values, share * each, 0 * each, high, p, requests, allowed.material * each, ROW,
        reason or f"{int(requests[-1])} requests of {allowed.least}", part,
    )  # fmt: skip


def watch_problems(days: Sequence[Day], kind: str, allowed: Allowed) -> Watched:
    """kind: "refused" or "errors". Days on which nobody counted have no value."""
    place = ("refused", "errors").index(kind)
    counted = np.array(["refused" in day.counts for day in days])
    problems = np.array([day.counts.get("refused", (0, 0)) for day in days])
    answered = np.array([day.counts.get("rows", (0, 0))[1] for day in days])
    requests = np.where(counted, answered + problems.sum(axis=1), 0)
    reason = "" if counted[-1] else "the log does not say: it is of an earlier version"
    part = _worst_column(days[-ROW:]) if kind == "refused" else ""
    return watch_share(kind, problems[:, place], requests, allowed, reason, part)


def _worst_column(days: Sequence[Day]) -> str:
    """The one with most refused values on these days."""
    found: dict[str, int] = {}
    for day in days:
        for name, counts in day.counts.items():
            if name.startswith("refused:"):
                found[name] = found.get(name, 0) + counts[0]
    return max(found, key=lambda name: (found[name], name)).partition(":")[2] if found else ""
