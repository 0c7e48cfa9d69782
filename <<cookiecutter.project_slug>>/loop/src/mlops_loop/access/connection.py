"""How slowly a request may arrive, seen where uvicorn reads the socket.

No protocol but HTTP/1.1 is spoken here. A client that asks for another one by `Upgrade` is answered
in this one (RFC 9110, 7.8), as Java's `HttpClient` expects, which asks for HTTP/2 by default.
"""

from __future__ import annotations

import json
from array import array
from asyncio import TimerHandle, Transport
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

READ_TIMEOUT_S = 15  # for headers and body together
MAX_HEADER_BYTES = 16 * 1024
JSON_HEADERS = "content-type: application/json\r\nconnection: close\r\ncontent-length:"


class Parser(HttpRequestParser):
    """Of a connection. httptools takes what follows a request with `Upgrade` for another protocol,
    also its body."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self._connection = connection

    def feed_data(self, data: bytes | bytearray | memoryview | array[int]) -> None:
        try:
            super().feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._connection.ignore_upgrade(memoryview(data)[upgrade.args[0] :])

    def feed_again(self, head: bytes, rest: memoryview) -> memoryview | None:
        """What is left of `rest` where a later request has `Upgrade`, too; None where none has."""
        super().feed_data(head)
        try:
            super().feed_data(rest)
        except HttpParserUpgrade as upgrade:
            return rest[upgrade.args[0] :]
        return None


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with a limit on the time a request takes to arrive and on its headers.

    A request that arrives in one piece, as almost all do, starts no timer.
    """

    _timer: TimerHandle | None = None
    _header_bytes = 0

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.parser = Parser(self)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(READ_TIMEOUT_S, self._time_out)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        cycle: Any = self.cycle
        in_headers = cycle is None or cycle.scope is not self.scope
        if not in_headers and not cycle.more_body:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(READ_TIMEOUT_S, self._time_out)
        one_head = in_headers and cycle is before
        self._header_bytes = self._header_bytes + len(data) if one_head else 0
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse("431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()
        elif self.parser.get_method() == b"CONNECT":
            self._refuse("501 Not Implemented")

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def ignore_upgrade(self, rest: memoryview) -> None:
        """Read the last head again without `Upgrade`, then `rest`, all that came after it."""
        left: memoryview | None = rest
        while left is not None and not self.transport.is_closing():
            head = self._head_without_upgrade()
            self.parser = Parser(self)
            left = self.parser.feed_again(head, left)

    def _head_without_upgrade(self) -> bytes:
        start = self.parser.get_method(), self.url, self.parser.get_http_version().encode()
        kept = [header for header in self.headers if header[0] != b"upgrade"]
        return (
            b"%b %b HTTP/%b\r\n" % start + b"".join(b"%b: %b\r\n" % each for each in kept) + b"\r\n"
        )

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
