"""Every prediction that a client got is on disk within `WINDOW_S`, or no further ones are made.

Requests put their predictions into a queue; one thread writes it, many requests in one transaction
that ends with fsync. No request waits for the disk, so a killed process loses what is younger than
the window; but with `wait` each waits for its own rows, and nothing that was answered is lost.
Where the disk is slower than the window, is full or cannot be written, new requests wait up to
`PATIENCE_S` and are then refused: the log fails closed.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic_core import to_json

from mlops_loop.errors import LogUnavailable
from mlops_loop.prediction_log.database import Database, Logged, Problem
from mlops_loop.prediction_log.ids import new_id, utc

WINDOW_S = 1.0
FLUSH_S, FLUSH_AWAITED_S = 0.02, 0.005
RETRY_S = 1.0
PATIENCE_S = 2.0  # of a request that waits for room
MAX_ROWS = 20_000  # in memory
MAX_REQUESTS = 2_000  # in one transaction
MAX_PROBLEMS = 10_000  # in memory; the oldest are forgotten


# id, at_ns, model version, latency in s, subject, number of rows, inputs, predictions
_Waiting = tuple[str, int, str, float, bytes | None, int, bytes, bytes]
# the number of rows that were put by then, and who waits until as many are written
_Sleeper = tuple[int, "asyncio.Future[None]"]


class PredictionLog:
    """The queue before a database. The process calls `start` and `close`, requests all the rest.

    `columns` are the inputs that are stored; empty stores all. `reason` says why nothing can be
    written now; it is empty while writing works.
    """

    def __init__(
        self,
        url: str,
        columns: Collection[str] = (),
        digest: str = "",
        key: str = "",
        wait: bool = False,
    ) -> None:
        """Raises UsageError as `Database` does."""
        self.database, self._disk = Database(url), Database(url, writes=True)
        self.reason = ""
        self.waits = self.refused = self.failures = self.written = 0
        self._columns, self._digest, self._key = frozenset(columns), digest, key
        self._wait, self._sleepers = wait, deque[_Sleeper]()
        self._queue: deque[_Waiting] = deque()
        self._problems: deque[tuple[str, str, str]] = deque(maxlen=MAX_PROBLEMS)
        self._problems_wait = 0.0  # by time.monotonic
        self._put = 0
        self._oldest_ns: float = math.inf  # of what is not on disk
        self._ending = threading.Event()
        self._writer = threading.Thread(target=self._run, name="prediction log", daemon=True)

    @property
    def queued(self) -> int:
        """Rows that are not on disk yet."""
        return self._put - self.written

    @property
    def trouble(self) -> str:
        """The reason, and what is lost when the process ends now; empty while writing works."""
        return self.reason and f"{self.reason} {self.queued} rows wait in memory."

    def blocked(self) -> bool:
        """Whether a request must wait for `admit` before it predicts."""
        late = time.time_ns() - self._oldest_ns > WINDOW_S * 1e9
        return late or self._put - self.written >= MAX_ROWS or bool(self.reason)

    async def admit(self) -> None:
        """Return when there is room for a prediction; after `PATIENCE_S` raises LogUnavailable."""
        self.waits += 1
        end = time.monotonic() + PATIENCE_S
        while not self.reason and time.monotonic() < end:
            if not self.blocked():
                return
            await asyncio.sleep(0.01)
        raise self._refusal()

    async def settle(self) -> None:
        """With `wait`, return when what was put before is on disk; else at once.

        After `PATIENCE_S` raises LogUnavailable; it may be written later.
        """
        if not self._wait:
            return
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._put, sleeper))
        if self.written >= self._put:  # the writer was faster, and may have seen no sleeper
            return
        try:
            await asyncio.wait_for(sleeper, PATIENCE_S)
        except TimeoutError:
            raise self._refusal() from None

    def _refusal(self) -> LogUnavailable:
        self.refused += 1
        slow = f"The prediction log is {self.queued} rows behind. Ask again in a moment."
        return LogUnavailable(self.trouble or slow)

    def put(
        self,
        version: str,
        latency_s: float,
        subject: bytes | None,
        rows: Sequence[Mapping[str, Any]],
        predictions: bytes,
        body: bytes = b"",
    ) -> str:
        """Queue the predictions of a request; returns its id.

        `predictions` is a JSON array, `body` the JSON that `rows` came from, or empty.
        """
        now = time.time_ns()
        # As bytes: thousands of waiting objects would evict the model from the processor's cache.
        if keep := self._columns:
            inputs = to_json([{name: row[name] for name in row if name in keep} for row in rows])
        elif body:
            inputs = b"[%b]" % body if body.lstrip()[:1] == b"{" else body
        else:
            inputs = to_json(rows)
        id_ = new_id(now)
        self._queue.append((id_, now, version, latency_s, subject, len(rows), inputs, predictions))
        self._put += len(rows)
        self._oldest_ns = min(self._oldest_ns, now)
        return id_

    def note(self, problems: Iterable[tuple[str, str]]) -> None:
        """Count problems of now, by column and problem; never refuses, and never waits.

        Predictions do not depend on it: what cannot be written is tried again, up to MAX_PROBLEMS.
        """
        day = utc(time.time_ns())[:10]
        self._problems.extend((day, column, problem) for column, problem in problems)

    def start(self) -> None:
        """Create the tables and begin to write; a database that is down is tried again."""
        self._write([])
        self._writer.start()

    def close(self) -> int:
        """Write what is queued; returns how many rows could not be written."""
        self._ending.set()
        self._writer.join()
        self._disk.close()
        return self.queued

    def _run(self) -> None:
        while self._queue or not self._ending.is_set():
            self._ending.wait(FLUSH_AWAITED_S if self._wait else FLUSH_S)
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_REQUESTS))]
            while (batch or self.reason) and not self._write(batch):
                if self._ending.wait(RETRY_S):
                    return
            self._write_problems()
        self._problems_wait = 0.0
        self._write_problems()  # what came during the last turn

    def _write(self, batch: list[_Waiting]) -> bool:
        try:
            rows = [self._logged(request) for request in batch]
            with self._disk.cursor() as cursor:
                cursor.insert("predictions", rows, "DO NOTHING")
        except LogUnavailable as error:
            self.reason = str(error)
            self.failures += 1
            return False
        self.reason = ""
        self._oldest_ns = self._queue[0][1] if self._queue else math.inf
        self.written += sum(request[5] for request in batch)
        while self._sleepers and self._sleepers[0][0] <= self.written:
            _wake(self._sleepers.popleft()[1])
        return True

    def _write_problems(self) -> None:
        if not self._problems or time.monotonic() < self._problems_wait:
            return
        taken = Counter(self._problems.popleft() for _ in range(len(self._problems)))
        try:
            self._disk.add_problems([Problem(*key, n) for key, n in taken.items()])
        except LogUnavailable:
            self._problems_wait = time.monotonic() + RETRY_S
            self._problems.extend(taken.elements())

    def _logged(self, waiting: _Waiting) -> Logged:
        id_, at_ns, version, latency_s, subject, n_rows, inputs, predictions = waiting
        person = hashed(subject, self._key) if subject else None
        took, texts = round(latency_s * 1000, 3), (inputs.decode(), predictions.decode())
        return Logged(id_, utc(at_ns), version, self._digest, took, person, n_rows, *texts)


def _wake(sleeper: asyncio.Future[None]) -> None:
    def wake() -> None:
        if not sleeper.done():
            sleeper.set_result(None)

    with suppress(RuntimeError):  # its loop has ended
        sleeper.get_loop().call_soon_threadsafe(wake)


def hashed(subject: bytes, key: str) -> str:
    """What is stored in place of a subject's name: without the key nobody can guess the name."""
    return hashlib.blake2b(subject, key=hashlib.sha256(key.encode()).digest()).hexdigest()[:32]
