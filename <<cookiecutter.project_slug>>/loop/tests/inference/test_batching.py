"""Requests that come together are asked together, and each gets its own."""

import asyncio
import threading
import time

import pytest

from mlops_loop.inference import batching


class Model:
    """It remembers how many rows it was asked at once; a row that is None breaks it."""

    def __init__(self, takes_s=0.0):
        self.asked, self.threads, self.takes_s = [], set(), takes_s

    def predict(self, rows):
        self.asked.append(len(rows))
        self.threads.add(threading.current_thread())
        time.sleep(self.takes_s)
        return [{"prediction": 2 * row} for row in rows]


def together(model, *requests, in_thread=False):
    """The answers to requests that are all sent at once."""

    async def ask():
        batcher = batching.Batcher(model.predict, in_thread)
        asked = (batcher.predict(rows) for rows in requests)
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(ask())


def doubled(*requests):
    return [[{"prediction": 2 * row} for row in rows] for rows in requests]


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1), (2, 7, 1, 3), (1,) * 50], ids=str)
def test_each_gets_its_own(sizes, in_thread):
    """All are there before the model is asked: one call."""
    model = Model()
    requests = [[10 * i + j for j in range(n)] for i, n in enumerate(sizes)]
    assert together(model, *requests, in_thread=in_thread) == doubled(*requests)
    assert model.asked == [sum(sizes)]
    assert (threading.main_thread() in model.threads) is not in_thread


def test_rows_gather_while_a_thread_is_busy():
    """Those that come meanwhile are one call afterwards; the event loop goes on."""
    model, turns = Model(takes_s=0.1), []

    async def ask():
        batcher = batching.Batcher(model.predict, in_thread=True)
        asked = [asyncio.create_task(batcher.predict([0]))]
        for i in range(5):
            await asyncio.sleep(0.01)
            turns.append(i)
            asked.append(asyncio.create_task(batcher.predict([i])))
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == doubled([0], *([i] for i in range(5)))
    assert model.asked == [1, 5]


def steps(request):
    """How often the event loop must turn until a coroutine ends: 0 where it waits for nothing."""

    async def run():
        task, turns = asyncio.ensure_future(request), -1
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    return run()


def test_a_request_alone_waits_for_nothing():
    """After one that came alone the next are answered at once; after some, one looks again."""

    async def ask():
        batcher = batching.Batcher(Model().predict, in_thread=False)
        return [await steps(batcher.predict([i])) for i in range(batching.RECHECK_AFTER + 3)]

    turns = asyncio.run(ask())
    assert [i for i, n in enumerate(turns) if n] == [0, batching.RECHECK_AFTER + 1]


def test_a_crowd_is_gathered_again():
    """As soon as one that looks is not alone, and as long as that is so."""
    model = Model()

    async def ask():
        batcher = batching.Batcher(model.predict, in_thread=False)
        for n in (*[1] * (1 + batching.RECHECK_AFTER), 4, 4):
            await asyncio.gather(*(batcher.predict([i]) for i in range(n)))

    asyncio.run(ask())
    assert model.asked[-3:] == [1, 4, 4]


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_call_is_bounded(monkeypatch, in_thread):
    """A large request goes alone, small ones fill a call up."""
    monkeypatch.setitem(batching.MAX_ROWS, in_thread, 10)
    model = Model()
    requests = [[1] * 25, [2] * 4, [3] * 4, [4] * 4]
    assert together(model, *requests, in_thread=in_thread) == doubled(*requests)
    assert model.asked == [25, 8, 4]


@pytest.mark.parametrize("in_thread", [False, True])
def test_an_error_reaches_only_whose_it_is(in_thread):
    """Others that were asked together get their answers, and so do those that come later."""
    model = Model()
    first, broken, last = together(model, [1], [None], [3], in_thread=in_thread)
    assert [first, last] == doubled([1], [3])
    assert isinstance(broken, TypeError)
    assert model.asked == [3, 1, 1, 1]


@pytest.mark.parametrize("in_thread", [False, True])
def test_who_leaves_takes_no_other_along(in_thread):
    """A cancelled request is forgotten."""
    model = Model(takes_s=0.01)

    async def ask():
        batcher = batching.Batcher(model.predict, in_thread)
        left, stays = (asyncio.create_task(batcher.predict([i])) for i in (1, 2))
        await asyncio.sleep(0)
        left.cancel()
        return await asyncio.wait_for(stays, 5)

    assert [asyncio.run(ask())] == doubled([2])
