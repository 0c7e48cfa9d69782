"""Latency: are more requests slower than the gate's budget than a 95th percentile allows?

`budgets.latency_p95_ms` of gate.yaml is a limit of the 95th percentile, so at most 5 % of the
requests of a day may be slower. Latencies are those of the prediction log, of the prediction alone;
large requests count as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlops_loop.daily.day import LATENCIES_MS, Day
from mlops_loop.monitoring.runs import Watched
from mlops_loop.monitoring.shares import Allowed, watch_share

ALLOWED = 0.05  # share of requests beyond a 95th percentile


def watch_latency(days: Sequence[Day], budget_ms: float | None, allowed: Allowed) -> Watched:
    """The share of requests slower than the budget; where it lies between two limits of the counts,
    slower than the upper one. budget_ms: None without a budget."""
    counts = _counts(days) * (budget_ms is not None)
    requests = counts.sum(axis=1)
    slow = counts[:, 1 + int(np.searchsorted(LATENCIES_MS, budget_ms or np.inf)) :].sum(axis=1)
    reason = f"{int(requests[-1])} requests with a latency of {allowed.least}"
    return watch_share(
        "slow", slow, requests, allowed, reason if budget_ms else "gate.yaml has no budget"
    )


def _counts(days: Sequence[Day]) -> np.ndarray:
    none = (0,) * (len(LATENCIES_MS) + 1)
    return np.array([day.counts.get("latency_ms", none) for day in days])
