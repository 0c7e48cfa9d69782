"""Requests that come while the model is at work are asked together, and each gets its own."""

import asyncio
import time

import numpy as np
import pytest

from <<cookiecutter.__package_name>>.inference import batching


class Slow:
    """A model that takes a moment, and remembers how many rows it was asked at once."""

    def __init__(self):
        self.asked = []

    def scores(self, matrix):
        self.asked.append(len(matrix))
        time.sleep(0.01)
        if np.isnan(matrix).any():
            raise ValueError("not a number")
        return matrix[:, :1] * 2


def together(slow, *sizes, bad=None):
    """The answers to requests of so many rows each, all sent at once; `bad` holds a NaN."""

    async def ask():
        batcher = batching.Batcher(slow.scores)
        rows = [np.full((n, 3), i, np.float32) for i, n in enumerate(sizes)]
        if bad is not None:
            rows[bad][0, 0] = np.nan
        asked = (batcher.scores(each) for each in rows)
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(ask())


@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1), (2, 7, 1, 3), (1,) * 50], ids=str)
def test_each_gets_its_own(sizes):
    """In two calls at most: all are there before the model is asked, or while it is busy."""
    slow = Slow()
    for i, (answer, n) in enumerate(zip(together(slow, *sizes), sizes, strict=True)):
        assert answer.tolist() == [[2 * i]] * n
    assert sum(slow.asked) == sum(sizes)
    assert len(slow.asked) <= 2


def test_a_call_is_bounded(monkeypatch):
    """A large request goes alone, small ones fill a call up."""
    monkeypatch.setattr(batching, "MOST_ROWS", 10)
    slow = Slow()
    together(slow, 25, 4, 4, 4)
    assert slow.asked == [25, 8, 4]


def test_an_error_reaches_all_that_were_asked_together():
    """And those that come later are answered."""
    slow = Slow()
    found = together(slow, 1, 1, bad=1)
    assert all(isinstance(each, ValueError) for each in found)
    assert together(slow, 1)[0].tolist() == [[0]]


def test_who_leaves_takes_no_other_along():
    """A cancelled request is forgotten."""

    async def ask():
        batcher, row = batching.Batcher(Slow().scores), np.ones((1, 3), np.float32)
        left, stays = (asyncio.create_task(batcher.scores(row)) for _ in range(2))
        await asyncio.sleep(0.002)
        left.cancel()
        return await stays

    assert asyncio.run(ask()).tolist() == [[2]]
