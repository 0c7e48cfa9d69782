"""Requests that arrive together share one call of the model: overhead per call dominates.

A model of ONNX is called once for all requests that one turn of the event loop has read, and for a
request that arrives alone at once. A model of scikit-learn takes milliseconds: it runs in a thread
while rows of further requests gather. No request waits for a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from anyio import to_thread

from mlops_loop.inference.rows import Row

# In one call, by whether it runs in a thread; without one the event loop waits for it.
MAX_ROWS = {False: 256, True: 10_000}
RECHECK_AFTER = 32  # requests that arrived alone, before looking for company again

Prediction = dict[str, Any]
_Waiting = tuple[list[Row], "asyncio.Future[list[Prediction]]"]


class Batcher:
    """A queue before a model; `predict` gives a prediction for each row."""

    def __init__(self, predict: Callable[[list[Row]], list[Prediction]], in_thread: bool) -> None:
        self._predict, self._in_thread = predict, in_thread
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._busy, self._unqueued = False, 0

    async def predict(self, rows: list[Row]) -> list[Prediction]:
        """A prediction for each row; raises what the model raises."""
        if self._unqueued:
            self._unqueued -= 1
            return self._predict(rows)
        loop = asyncio.get_running_loop()
        result: asyncio.Future[list[Prediction]] = loop.create_future()
        self._waiting.append((rows, result))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next)
        return await result

    def _next(self) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            batch = self._batch()
            if self._in_thread:
                self._task = asyncio.create_task(self._run_in_thread(batch))
                return
            self._unqueued = RECHECK_AFTER * (len(batch) == 1)
            _set_results(batch, _results(self._predict, batch))
            asyncio.get_running_loop().call_soon(self._next)

    async def _run_in_thread(self, batch: list[_Waiting]) -> None:
        _set_results(batch, await to_thread.run_sync(_results, self._predict, batch))
        self._next()

    def _batch(self) -> list[_Waiting]:
        """The request that has waited longest, and those behind it that fit."""
        batch = [self._waiting.popleft()]
        n_rows = len(batch[0][0])
        while self._waiting and n_rows + len(self._waiting[0][0]) <= MAX_ROWS[self._in_thread]:
            batch.append(self._waiting.popleft())
            n_rows += len(batch[-1][0])
        return batch


def _results(
    predict: Callable[[list[Row]], list[Prediction]], batch: list[_Waiting]
) -> list[list[Prediction] | Exception]:
    """For each request its predictions, or what the model raised for this request alone."""
    try:
        predictions = predict([row for rows, _ in batch for row in rows])
    except Exception as error:  # whatever the model raises: other requests must not fail with it
        if len(batch) == 1:
            return [error]
        return [result for request in batch for result in _results(predict, [request])]
    results: list[list[Prediction] | Exception] = []
    start = 0
    for rows, _ in batch:
        results.append(predictions[start : start + len(rows)])
        start += len(rows)
    return results


def _set_results(batch: list[_Waiting], results: list[list[Prediction] | Exception]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():  # the client has disconnected
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
