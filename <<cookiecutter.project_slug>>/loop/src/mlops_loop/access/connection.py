"""How slowly a request may arrive, seen where uvicorn reads the socket.

No protocol but HTTP/1.1 is spoken here. A client that asks for another one by `Upgrade` is answered
in this one (RFC 9110, 7.8), as Java's `HttpClient` expects, which asks for HTTP/2 by default.
"""

from __future__ import annotations

import json
from array import array
from asyncio import Transport
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mlops_loop.access.open_connections import OpenConnections, State

MAX_HEADER_BYTES = 16 * 1024
INVALID = {"400", "431", "501"}  # of what the client sent, not of when
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
    """uvicorn's protocol, with limits on the time and the headers of a request (`OpenConnections`).

    A class of each server's own has its `open_connections`: `Connection.of(connections)`.
    """

    open_connections: OpenConnections
    _header_bytes = 0

    @classmethod
    def of(cls, connections: OpenConnections) -> type[Connection]:
        return type(cls.__name__, (cls,), {"open_connections": connections})

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.parser = Parser(self)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.open_connections.add(self, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        in_head = self._in_head()
        one_head = in_head and self.cycle is before
        self._header_bytes = self._header_bytes + len(data) if one_head else 0
        if self._header_bytes > MAX_HEADER_BYTES:
            self.refuse("431 Request Header Fields Too Large")
        self._wait_or_run()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_or_run()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.open_connections.wait(self, "writing", self.loop)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._wait_or_run()

    def _in_head(self) -> bool:
        """Whether a part of the headers of a request has arrived, or nothing yet."""
        return self.cycle is None or self.cycle.scope is not self.scope

    def _wait_or_run(self) -> None:
        cycle: Any = self.cycle
        state: State | None = None
        if self.flow.write_paused or self.transport.is_closing():
            state = "writing"
        elif cycle is None or cycle.response_complete:
            state = "reading" if self._in_head() else "idle"
        elif cycle.more_body and not self.pipeline:
            state = "reading"
        if state:
            self.open_connections.wait(self, state, self.loop)
        else:
            self.open_connections.run(self)

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()
        elif self.parser.get_method() == b"CONNECT":
            self.refuse("501 Not Implemented")

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

    def end_idle(self) -> None:
        """No request came any more."""
        self.transport.close()
        self._wait_or_run()

    def end_reading(self) -> None:
        """The request did not arrive in time."""
        if self._in_head():
            return self.refuse("408 Request Timeout")
        self.scope["state"]["late"] = True  # the app waits for the body: wake it up
        self.cycle.message_event.set()

    def abort(self) -> None:
        """End at once, without what is not sent yet."""
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        self.refuse("400 Bad Request")  # uvicorn's own is no JSON

    def refuse(self, status: str) -> None:
        """Answer in the place of the app, and close."""
        if not self.transport.is_closing():
            if status[:3] in INVALID:
                self.open_connections.ended["invalid"] += 1
            self.open_connections.refused((self.client or ("",))[0], int(status[:3]))
            sentence = f"{status}: this request was not read."
            body = json.dumps({"detail": sentence, "error": sentence})
            answer = f"HTTP/1.1 {status}\r\n{JSON_HEADERS} {len(body)}\r\n\r\n{body}"
            self.transport.write(answer.encode())
            self.transport.close()
        self._wait_or_run()
