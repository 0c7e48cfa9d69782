"""Clients that never stop asking, each request on a connection of its own."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Load:
    """What was answered, by the ids of the predictions, and what failed."""

    answered: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """As a cell of the table."""
        return f"{len(self.failed)} of {len(self.answered) + len(self.failed):,} requests failed"


def ask(host: str, path: str, row: dict | list | None = None, port: int = 80) -> tuple[int, dict]:
    """Return status and JSON of one request."""
    client = http.client.HTTPConnection(host, port, timeout=30)
    try:
        client.request("GET" if row is None else "POST", path, row and json.dumps(row))
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        client.close()


@contextmanager
def load(host: str, row: dict | list, clients: int = 4, pause_s: float = 0.05) -> Iterator[Load]:
    """Ask for predictions until the block ends."""
    found, stop = Load(), threading.Event()

    def client() -> None:
        while not stop.is_set():
            try:
                status, answer = ask(host, "/predict", row)
                if status == 200:
                    found.answered.append(answer.get("prediction_id", ""))  # none without a log
                else:
                    found.failed.append(f"{status} {answer}")
            except (OSError, ValueError, http.client.HTTPException) as error:
                found.failed.append(repr(error))
            time.sleep(pause_s)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert found.answered, "nothing was answered"
