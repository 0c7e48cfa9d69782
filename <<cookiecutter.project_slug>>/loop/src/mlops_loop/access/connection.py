"""How slowly a request may arrive, seen where uvicorn reads the socket."""

from __future__ import annotations

import json
from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

READ_TIMEOUT_S = 15  # for headers and body together
MAX_HEADER_BYTES = 16 * 1024
JSON_HEADERS = "content-type: application/json\r\nconnection: close\r\ncontent-length:"


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with a limit on the time a request takes to arrive and on its headers.

    A request that arrives in one piece, as almost all do, starts no timer.
    """

    _timer: TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(READ_TIMEOUT_S, self._time_out)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: Any = self.cycle
        in_headers = cycle is None or cycle.scope is not self.scope
        if not in_headers and not cycle.more_body:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(READ_TIMEOUT_S, self._time_out)
        self._header_bytes = self._header_bytes + len(data) if in_headers else 0
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse("431 Request Header Fields Too Large")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        if self.cycle is None or self.cycle.scope is not self.scope:
            return self._refuse("408 Request Timeout")
        self.scope["state"]["late"] = True  # the app waits for the body: wake it up
        self.cycle.message_event.set()

    def _refuse(self, status: str) -> None:
        if not self.transport.is_closing():
            body = json.dumps({"detail": f"{status}: this request was not read."})
            answer = f"HTTP/1.1 {status}\r\n{JSON_HEADERS} {len(body)}\r\n\r\n{body}"
            self.transport.write(answer.encode())
            self.transport.close()
