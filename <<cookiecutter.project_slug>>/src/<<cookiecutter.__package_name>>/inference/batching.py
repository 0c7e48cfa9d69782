"""Many requests, one call of the model: what scikit-learn costs is the call, hardly the rows.

While the model is at work in its thread, rows of other requests gather, and are asked together as
soon as it is free. So nothing waits for a timer, and the event loop never waits for the model.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np
from anyio import to_thread

MOST_ROWS = 10_000  # in one call


class Batcher:
    """Before a slow model; `scores` is that of a predictor (predictor.py)."""

    def __init__(self, scores: Callable[[np.ndarray], np.ndarray]) -> None:
        self._scores = scores
        self._waiting: deque[tuple[np.ndarray, asyncio.Future[np.ndarray]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def scores(self, matrix: np.ndarray) -> np.ndarray:
        """float32 (n_rows, n_columns) -> scores of these rows; raises what the model does."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((matrix, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            matrices, answers = zip(*self._batch(), strict=True)
            try:
                scores = await to_thread.run_sync(self._scores, np.concatenate(matrices))
            except Exception as error:  # whatever the model raises: each request is told
                found: list[np.ndarray | Exception] = [error] * len(answers)
            else:
                found = list(np.split(scores, np.cumsum([len(rows) for rows in matrices])[:-1]))
            for answer, each in zip(answers, found, strict=True):
                if answer.done():  # the client has left
                    continue
                if isinstance(each, Exception):
                    answer.set_exception(each)
                else:
                    answer.set_result(each)

    def _batch(self) -> list[tuple[np.ndarray, asyncio.Future[np.ndarray]]]:
        """The first that waits, and those behind it that fit."""
        batch = [self._waiting.popleft()]
        n_rows = len(batch[0][0])
        while self._waiting and n_rows + len(self._waiting[0][0]) <= MOST_ROWS:
            batch.append(self._waiting.popleft())
            n_rows += len(batch[-1][0])
        return batch
