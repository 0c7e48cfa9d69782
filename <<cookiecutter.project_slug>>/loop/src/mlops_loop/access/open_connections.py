"""Which connections are open, what each waits for, and when it has waited for long enough.

A connection waits for its client, or a request of it runs. Waiting costs no timer: connections
stand in the order in which they began to wait, and a sweep looks at the first ones.
"""

from __future__ import annotations

import resource
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable
from typing import Literal, Protocol, get_args

from mlops_loop.errors import UsageError

READ_TIMEOUT_S = 15.0  # for headers and body together
KEEP_ALIVE_S = 5.0  # between an answer and the first byte of the next request
WRITE_TIMEOUT_S = 30.0  # for a client that does not read its answer
SWEEP_S = 0.25
FILES_BESIDE = 100  # open files of a process that are no connections

State = Literal["idle", "reading", "writing"]
GIVING_WAY: tuple[State, ...] = ("idle", "reading")
Reason = Literal["slow", "unread", "full", "invalid"]
REASONS: tuple[Reason, ...] = get_args(Reason)


class Waiting(Protocol):
    """What is asked of a connection."""

    def end_idle(self) -> None: ...
    def end_reading(self) -> None: ...
    def abort(self) -> None: ...
    def refuse(self, status: str) -> None: ...


class OpenConnections:
    """The connections of one server, at most `limit`.

    `ended` counts those that were ended before their client had its answer: `slow` ones whose
    request did not arrive, `unread` ones whose answer was not taken, those that were `full` to give
    way to another one or found no room themselves, and those whose request was `invalid`. `refused`
    is called with the client's address and the status of an answer that the app does not know of.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.ended = limit, Counter[Reason]()
        self.refused: Callable[[str, int], None] = lambda _host, _status: None
        self._open: set[Waiting] = set()
        self._waiting: dict[State, dict[Waiting, float]] = {
            "idle": {},
            "reading": {},
            "writing": {},
        }
        self._sweeps = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Waiting, loop: AbstractEventLoop) -> None:
        """A new connection, for which another one gives way where there are too many."""
        self._open.add(connection)
        if len(self._open) > self.limit:
            self.ended["full"] += 1
            if not self._make_room():
                return connection.refuse("503 Service Unavailable")
        self.wait(connection, "reading", loop)

    def _make_room(self) -> bool:
        """End the connection that has been idle for longest, or else whose request has been
        arriving for longest; False where a request runs on each."""
        for state in GIVING_WAY:
            for oldest in self._waiting[state]:
                self.remove(oldest)
                oldest.abort()
                return True
        return False

    def wait(self, connection: Waiting, state: State, loop: AbstractEventLoop) -> None:
        """From now on; a state that already lasts goes on."""
        if connection not in self._waiting[state]:
            self.run(connection)
            self._waiting[state][connection] = loop.time()
        if not self._sweeps:
            self._sweeps = True
            loop.call_later(SWEEP_S, self._sweep, loop)

    def run(self, connection: Waiting) -> None:
        """A request runs: the client waits for us."""
        for waiting in self._waiting.values():
            waiting.pop(connection, None)

    def remove(self, connection: Waiting) -> None:
        """It is closed; a second call changes nothing."""
        self._open.discard(connection)
        self.run(connection)

    def _sweep(self, loop: AbstractEventLoop) -> None:
        for connection in self._overdue("idle", loop.time() - KEEP_ALIVE_S):
            connection.end_idle()
        for connection in self._overdue("reading", loop.time() - READ_TIMEOUT_S):
            self.ended["slow"] += 1
            connection.end_reading()
        for connection in self._overdue("writing", loop.time() - WRITE_TIMEOUT_S):
            self.ended["unread"] += 1
            connection.abort()
        self._sweeps = any(self._waiting.values())
        if self._sweeps:
            loop.call_later(SWEEP_S, self._sweep, loop)

    def _overdue(self, state: State, before: float) -> list[Waiting]:
        waiting, overdue = self._waiting[state], []
        for connection, since in waiting.items():
            if since > before:
                break
            overdue.append(connection)
        for connection in overdue:
            del waiting[connection]
        return overdue


def allow_files(connections: int) -> None:
    """Let this process open so many connections.

    Raises UsageError where the machine allows fewer files.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + FILES_BESIDE
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UsageError(
            f"MAX_CONNECTIONS={connections} is refused: it needs {needed} open files, allowed are "
            f"{hard}. Next: MAX_CONNECTIONS={hard - FILES_BESIDE}, or a higher limit (ulimit -n)."
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
