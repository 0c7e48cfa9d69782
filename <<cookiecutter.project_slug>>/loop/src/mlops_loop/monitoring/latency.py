"""Latency: are more requests slower than the gate's budget than a 95th percentile allows?

`budgets.latency_p95_ms` of gate.yaml is a limit of the 95th percentile, so at most 5 % of the
requests of a day may be slower: an exact binomial test of each day. Latencies are those of the
prediction log, of the prediction alone; large requests count as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from mlops_loop.daily.day import LATENCIES_MS, Day
from mlops_loop.monitoring.runs import Watched

ALLOWED = 0.05  # share of requests beyond a 95th percentile
ROW = 2  # days that an alarm takes


def watch_latency(
    days: Sequence[Day], budget_ms: float | None, alpha: float, material: float, least: int
) -> Watched:
    """The share of requests slower than the budget; where it lies between two limits of the counts,
    slower than the upper one.

    budget_ms: None without a budget. alpha: of a day. material: share beyond ALLOWED that matters.
    least: with fewer requests on a day nobody can tell.
    """
    counts = _counts(days)
    requests = counts.sum(axis=1)
    slow = counts[:, 1 + int(np.searchsorted(LATENCIES_MS, budget_ms or np.inf)) :].sum(axis=1)
    known = (requests >= least) & (budget_ms is not None)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(known, slow / requests, np.nan)
        most = special.bdtrik(1 - alpha, requests, ALLOWED)
        high = np.maximum(ALLOWED + material, np.ceil(most) / requests)
    p = np.where(slow > 0, special.bdtrc(np.maximum(slow - 1, 0), requests, ALLOWED), 1.0)
    ones, n = np.ones(len(days)), int(requests[-1])
    reason = f"{n} requests with a latency of {least}" if budget_ms else "gate.yaml has no budget"
    return Watched(
        "slow", values, ALLOWED * ones, 0 * ones, np.where(known, np.minimum(high, 1), np.nan), p,
        requests, material * ones, ROW, reason,
    )  # fmt: skip


def _counts(days: Sequence[Day]) -> np.ndarray:
    none = (0,) * (len(LATENCIES_MS) + 1)
    return np.array([day.counts.get("latency_ms", none) for day in days])
