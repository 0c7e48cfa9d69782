"""A call ends in time, whatever its function does."""

from __future__ import annotations

import os
import time

import pytest

from mlops_loop.trackers import deadline


def test_an_answer():
    assert deadline.call(divmod, 7, 2, seconds=60) == (3, 1)


def test_a_slow_call_ends_in_time():
    begin = time.monotonic()
    with pytest.raises(deadline.Late):
        deadline.call(time.sleep, 600, seconds=1)
    assert time.monotonic() - begin < 30


def test_an_error_is_a_sentence():
    with pytest.raises(deadline.Refused, match="ZeroDivisionError: "):
        deadline.call(divmod, 7, 0, seconds=60)


def test_a_process_that_dies():
    with pytest.raises(deadline.Broken):
        deadline.call(os._exit, 3, seconds=60)
