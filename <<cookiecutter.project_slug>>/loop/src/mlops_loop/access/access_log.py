"""The access log: a line of JSON for each answer, on the standard output."""

from __future__ import annotations

import sys
from asyncio import get_running_loop
from json.encoder import encode_basestring_ascii as quoted
from time import time_ns

from starlette.types import Scope

from mlops_loop.prediction_log.ids import utc

LOG_EVERY_S = 0.05


class AccessLog:
    """Time, request id, client, method, path, status, duration in ms.

    No query, header or body, which may hold secrets. Lines of `LOG_EVERY_S` are written together,
    because each write is a system call.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, scope: Scope, request_id: bytes, status: int, took_s: float) -> None:
        if not self._lines:
            get_running_loop().call_later(LOG_EVERY_S, self.write)
        now, host = utc(time_ns()), (scope.get("client") or ("",))[0]
        self._lines.append(
            f'{{"time": "{now}", "id": "{request_id.decode()}", "client": {quoted(host)}, '
            f'"method": {quoted(scope["method"])}, "path": {quoted(scope["path"])}, '
            f'"status": {status}, "ms": {took_s * 1000:.3f}}}\n'
        )

    def write(self) -> None:
        text, self._lines = "".join(self._lines), []
        sys.stdout.write(text)
        sys.stdout.flush()
