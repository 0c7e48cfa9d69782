"""A call that ends in time: a process of its own, which is killed when its time is up.

A client of a tracker has threads, retries and waits of its own. No timeout of theirs bounds the
whole, and a workflow must not wait for a tracker.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")


class Late(Exception):
    """The time was up before the call ended."""


class Broken(Exception):
    """The process ended without an answer: it was killed, as for its memory."""


class Refused(Exception):
    """The call ended with an error that is said in a sentence."""


def call(function: Callable[..., T], *args: Any, seconds: float) -> T:
    """`function(*args)` in a new process; function, arguments and result have to be picklable.

    seconds: for all of it, the start of the process included. Raises Late, Broken, and Refused
    where the function raises it. Any other error of the function is Refused by its name.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, function, args), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            raise Late
        is_done, result = receiver.recv()
    except EOFError as error:
        raise Broken from error
    finally:
        process.kill()
        process.join()
        receiver.close()
    if not is_done:
        raise Refused(result)
    return result


def _answer(sender: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        sender.send((True, function(*args)))
    except Refused as error:
        sender.send((False, str(error)))
    except Exception as error:
        sender.send((False, f"{type(error).__name__}: {error}"))
