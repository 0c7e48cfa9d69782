"""Many requests, one call of the model: what a call costs is the call, hardly the rows.

A model of ONNX is asked once for all requests that one turn of the event loop has read, and a
request that comes alone is answered at once. One of scikit-learn takes milliseconds: it is asked in
a thread, while rows of other requests gather. So nothing ever waits for a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from anyio import to_thread

from mlops_loop.inference.rows import Row

MOST_ROWS = {False: 256, True: 10_000}  # in one call; the event loop waits for one without thread
LOOK_AGAIN = 32  # after so many requests that came alone, see whether they still do

Predictions = list[dict[str, Any]]
_Waiting = tuple[list[Row], "asyncio.Future[Predictions]"]


class Batcher:
    """Before a model; `predict` gives a prediction for each row, `in_thread` says where."""

    def __init__(self, predict: Callable[[list[Row]], Predictions], in_thread: bool) -> None:
        self._predict, self._in_thread = predict, in_thread
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._busy, self._alone = False, 0

    async def predict(self, rows: list[Row]) -> Predictions:
        """A prediction for each row; raises what the model does."""
        if self._alone:
            self._alone -= 1
            return self._predict(rows)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Predictions] = loop.create_future()
        self._waiting.append((rows, answer))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next)
        return await answer

    def _next(self) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            batch = self._batch()
            if self._in_thread:
                self._task = asyncio.create_task(self._ask_thread(batch))
                return
            self._alone = LOOK_AGAIN * (len(batch) == 1)
            _tell(batch, _asked(self._predict, batch))
            asyncio.get_running_loop().call_soon(self._next)

    async def _ask_thread(self, batch: list[_Waiting]) -> None:
        _tell(batch, await to_thread.run_sync(_asked, self._predict, batch))
        self._next()

    def _batch(self) -> list[_Waiting]:
        """The first that waits, and those behind it that fit."""
        batch = [self._waiting.popleft()]
        n_rows = len(batch[0][0])
        while self._waiting and n_rows + len(self._waiting[0][0]) <= MOST_ROWS[self._in_thread]:
            batch.append(self._waiting.popleft())
            n_rows += len(batch[-1][0])
        return batch


def _asked(
    predict: Callable[[list[Row]], Predictions], batch: list[_Waiting]
) -> list[Predictions | Exception]:
    """For each request its predictions; or what the model raised for this one alone."""
    try:
        found = predict([row for rows, _ in batch for row in rows])
    except Exception as error:  # whatever the model raises: others shall not suffer from it
        if len(batch) == 1:
            return [error]
        return [each for one in batch for each in _asked(predict, [one])]
    ends, start = [], 0
    for rows, _ in batch:
        ends.append(found[start : start + len(rows)])
        start += len(rows)
    return ends


def _tell(batch: list[_Waiting], found: list[Predictions | Exception]) -> None:
    for (_, answer), each in zip(batch, found, strict=True):
        if answer.done():  # the client has left
            continue
        if isinstance(each, Exception):
            answer.set_exception(each)
        else:
            answer.set_result(each)
