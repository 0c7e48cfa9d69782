"""Requests for predictions that were refused or failed are counted in the log, by day.

Prometheus' counters end with the process, and not everybody has it; the monitor reads these.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import State
from starlette.types import Scope

from mlops_loop.prediction_log.database import FAILED, REFUSED
from mlops_loop.prediction_log.log import PredictionLog

PATHS, BELOW = (
    ("/", "/batch", "/predict", "/invocations"),
    ("/v1/", "/v2/models/"),
)  # that predict, by POST
STATUS_REFUSED = (400, 422)


def counting(state: State) -> Callable[[Scope, int, float], None]:
    """What is to be called with each request, the status of its answer and its seconds."""
    answered, log = state.metrics.answered, state.log
    if not log:
        return answered

    def count(scope: Scope, status: int, seconds: float) -> None:
        answered(scope, status, seconds)
        if status >= 400:
            _note(log, scope, status)

    return count


def _note(log: PredictionLog, scope: Scope, status: int) -> None:
    path = scope["path"]
    if scope["method"] != "POST" or not (path in PATHS or path.startswith(BELOW)):
        return
    if status in STATUS_REFUSED:
        log.note([("", REFUSED)])
    elif status >= 500:
        log.note([("", FAILED)])
