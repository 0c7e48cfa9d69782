"""What every route that predicts does: `/predict`, other protocols, the page and its upload.

`state` is that of the app: `model` with its `reason` where there is none, `log`, `metrics`, and
`large`, a semaphore for bodies from LARGE_BYTES on.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from anyio import to_thread
from fastapi import HTTPException
from pydantic_core import to_json
from starlette.datastructures import State
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from mlops_loop.inference.model import Model
from mlops_loop.inference.rows import Row
from mlops_loop.inference.validation_errors import RowsRefused
from mlops_loop.prediction_log.log import PredictionLog

# What takes milliseconds is done in a thread, so that small requests go on; more at once would
# only share the interpreter, hold memory and end later.
LARGE_BYTES, LARGE_ROWS, LARGE_AT_ONCE = 32 * 1024, 128, 2
SUBJECT = b"x-subject-id"


class Predicted(NamedTuple):
    """A prediction for each row, the same as a JSON array, and what is said beside them."""

    predictions: list[dict[str, Any]]
    text: bytes
    about: dict[str, str]


async def predicted(scope: Scope, model: Model, rows: list[Row], body: bytes = b"") -> Predicted:
    """Predict checked rows and keep that in the log; `body` is what they were read from.

    Raises LogUnavailable where there is a log that cannot keep them.
    """
    state = scope["app"].state
    log: PredictionLog | None = state.log
    if log and log.blocked():
        await log.admit()
    start = time.perf_counter()
    if len(rows) < LARGE_ROWS:
        predictions = await model.batcher.predict(rows)
    else:
        predictions = await to_thread.run_sync(model.predict, rows)
    state.metrics.predictions.inc(len(rows))
    text, about = to_json(predictions), model.about()
    if log:
        took = time.perf_counter() - start
        subject = next((v for name, v in scope["headers"] if name == SUBJECT), None)
        about["prediction_id"] = log.put(model.version, took, subject, rows, text, body)
    return Predicted(predictions, text, about)


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """The whole body; refused with 413 as soon as more than `max_bytes` have come."""
    parts, n_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        n_bytes += len(parts[-1])
        more = message.get("more_body", False)
        if n_bytes > max_bytes:
            raise HTTPException(413, f"The body is larger than {max_bytes} bytes. Send less.")
    return b"".join(parts)


def ready_model(state: State) -> Model:
    """The model that serves; 503 with the reason where there is none."""
    model = state.model
    if model is None:
        raise HTTPException(503, state.reason)
    return model


def count_refused(state: State, refused: RowsRefused) -> None:
    """For `/metrics`; whoever answers such rows himself counts them by this."""
    state.metrics.refused(refused.problems, state.model.contract.names)
