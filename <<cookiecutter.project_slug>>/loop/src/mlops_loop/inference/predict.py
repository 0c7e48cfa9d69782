"""What every route that predicts does with rows it has read: predict them, count them, log them.

`state` is that of the app: `model` (None until one is loaded: `reason` says why), `log` (None
without LOG_URL), `metrics`, and `large`, a semaphore for bodies of `LARGE_BYTES` or more.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from anyio import to_thread
from pydantic_core import to_json
from starlette.datastructures import State
from starlette.types import Scope

from mlops_loop.errors import LogUnavailable
from mlops_loop.inference.by_column import Table
from mlops_loop.inference.errors import NoModel, RowsRefused
from mlops_loop.inference.model import Model
from mlops_loop.inference.rows import Row
from mlops_loop.inference.validation_errors import KNOWN_MESSAGES
from mlops_loop.prediction_log.log import PredictionLog

# Work of milliseconds is done in a thread, so that small requests are not held up. More large
# bodies at once would only share the interpreter, hold memory and finish later.
LARGE_BYTES, LARGE_ROWS, LARGE_AT_ONCE = 32 * 1024, 128, 2
SUBJECT = b"x-subject-id"


class Predictions(NamedTuple):
    """A prediction for each row; the same as a JSON array; and facts about all of them."""

    predictions: list[dict[str, Any]]
    json: bytes
    metadata: dict[str, str]


async def predict_and_log(
    scope: Scope, model: Model, rows: list[Row] | Table, body: bytes = b""
) -> Predictions:
    """Predict checked rows and log the predictions; `body` is the JSON that the rows came from.

    Raises LogUnavailable where the app has a log that cannot store them.
    """
    if isinstance(rows, Table) and len(rows) < LARGE_ROWS:
        rows = rows.rows()
    state = scope["app"].state
    log: PredictionLog | None = state.log
    if log and log.blocked():
        await log.admit()
    start = time.perf_counter()
    if isinstance(rows, list) and len(rows) < LARGE_ROWS:
        predictions = await model.batcher.predict(rows)
    else:
        predictions = await to_thread.run_sync(model.predict, rows)
    took = time.perf_counter() - start
    state.metrics.predictions.inc(len(rows))
    model.usage.answered(len(rows), took)
    json, metadata = to_json(predictions), model.metadata()
    if log:
        if isinstance(rows, Table):
            rows = await to_thread.run_sync(rows.rows)
        subject = next((value for name, value in scope["headers"] if name == SUBJECT), None)
        metadata["prediction_id"] = log.put(model.version, took, subject, rows, json, body)
        await log.settle()
    return Predictions(predictions, json, metadata)


def ready_model(state: State) -> Model:
    """The model that serves; raises NoModel with the reason where there is none."""
    model = state.model
    if model is None:
        raise NoModel(state.reason)
    return model


def ready(state: State) -> Model:
    """The same where the log can be written; raises LogUnavailable with the reason where not."""
    model = ready_model(state)
    if state.log and state.log.reason:
        raise LogUnavailable(state.log.trouble)
    return model


def count_refused(state: State, refused: RowsRefused) -> None:
    """Count refused values for `/metrics` and in the log; a route that answers RowsRefused itself
    calls this."""
    names = state.model.contract.names
    state.model.usage.refused += 1
    labels = [
        (
            error.column if error.column in names else "other",
            error.problem if error.problem in KNOWN_MESSAGES else "other",
        )
        for error in refused.errors
    ]
    state.metrics.refused(labels)
    if state.log:
        state.log.note(labels)
