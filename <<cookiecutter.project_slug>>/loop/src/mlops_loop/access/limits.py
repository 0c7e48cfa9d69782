"""What a client may cost: a name for each request, a line in the log, and limits on all of it.

`Limits` is plain ASGI around the whole app and costs microseconds; `Connection` watches what
uvicorn reads, where a slow client can be seen. A request that comes at once, as almost all do,
starts no timer.
"""

from __future__ import annotations

import json
import re
import sys
from asyncio import TimerHandle, Transport, get_running_loop
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_network
from json.encoder import encode_basestring_ascii as quoted
from secrets import token_hex
from time import perf_counter, time_ns
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mlops_loop.access.auth import Auth
from mlops_loop.inference.validation_errors import told
from mlops_loop.prediction_log.database import utc
from mlops_loop.settings import Settings

SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
MAX_HEADER_BYTES = 16 * 1024
READ_TIMEOUT_S = 15  # for headers and body together
BODIES = 16  # of the largest size, in memory at the same time
MOST_CLIENTS = 10_000  # whose rate is remembered
LOG_EVERY_S = 0.05
PROBES = {"/health", "/ready", "/metrics", "/v2/health/live", "/v2/health/ready"}
JSON_HEADERS = "content-type: application/json\r\nconnection: close\r\ncontent-length:"


class RateLimit:
    """Token buckets of `burst` requests that fill up with `per_s` a second; one number a client.

    The generic cell rate algorithm: the number is the moment at which the bucket is full again.
    The client that has not asked for longest is forgotten first.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = perf_counter) -> None:
        self._interval, self._burst, self._clock = 1 / per_s, burst, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, client: str) -> float:
        """Seconds until the client may ask again; 0 where it may now, which counts as asking."""
        now = self._clock()
        full_at = max(self._full_at.pop(client, now), now)
        late = full_at + self._interval - now - self._burst * self._interval
        self._full_at[client] = full_at if late > 1e-9 else full_at + self._interval
        if len(self._full_at) > MOST_CLIENTS:
            self._full_at.popitem(last=False)
        return late if late > 1e-9 else 0.0


class Limits:
    """Around the app: what is refused here costs it nothing."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        auth: Auth,
        answered: Callable[[Scope, int, float], None],
    ) -> None:
        """`answered` gets each request with the status of its answer and the seconds it took."""
        self.app, self._auth, self._closed = app, auth, settings.auth_predict
        self._answered, self._log = answered, AccessLog() if settings.access_log else None
        self.largest, self._most = settings.max_body_bytes, settings.max_concurrency
        self.rate = settings.rate_per_s and RateLimit(settings.rate_per_s, settings.rate_burst)
        self.running = self.held_bytes = self._count = 0
        self._name = token_hex(6).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return self._log and self._log.write()  # the end of the process, for one
        start, header_bytes, request_id = perf_counter(), 0, b""
        for name, value in scope["headers"]:
            header_bytes += len(name) + len(value) + 4
            if name == b"x-request-id" and SANE_ID.fullmatch(value):
                request_id = value
        if not request_id:
            self._count += 1
            request_id = b"%s-%x" % (self._name, self._count)
        exchange = _Exchange(self, scope, receive, send, request_id)
        self.running += 1
        try:
            self._admit(scope, header_bytes)
            if self._closed and scope["method"] == "POST":  # it predicts, or is protected anyway
                await self._auth.check(Headers(scope=scope))
            await self.app(scope, exchange.receive, exchange.send)
        except HTTPException as refused:
            await told(refused)(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = 499  # as nginx logs it: nobody waits for an answer any more
        except Exception:
            if not exchange.status:
                failed = HTTPException(500, f"This is a bug. Request {request_id.decode()}.")
                await told(failed)(scope, exchange.receive, exchange.send)
            raise
        finally:
            self.running -= 1
            self.held_bytes -= exchange.held_bytes
            took = perf_counter() - start
            self._answered(scope, exchange.status, took)
            if self._log:
                self._log.add(scope, request_id, exchange.status, took)

    def _admit(self, scope: Scope, header_bytes: int) -> None:
        if header_bytes > MAX_HEADER_BYTES:
            raise HTTPException(431, f"The headers are larger than {MAX_HEADER_BYTES} bytes.")
        if scope["path"] in PROBES:
            return
        if self.running > self._most:
            raise HTTPException(503, "Too many requests at once.", {"Retry-After": "1"})
        if self.rate and (wait := self.rate.wait(self._client(scope))):
            sentence = f"Too many requests: ask again in {wait:.1f} s."
            raise HTTPException(429, sentence, {"Retry-After": str(int(wait) + 1)})

    def _client(self, scope: Scope) -> str:
        """The holder of a valid key, else the address; of IPv6 the network, which is one client."""
        if known := self._auth.holder(Headers(scope=scope)):
            return known
        host = scope["client"][0] if scope.get("client") else ""
        with suppress(ValueError):  # a proxy may tell anything
            return str(ip_network(f"{host}/64", strict=False)) if ":" in host else host
        return host


class _Exchange:
    """One request and its answer, as they pass."""

    def __init__(
        self, limits: Limits, scope: Scope, receive: Receive, send: Send, request_id: bytes
    ) -> None:
        self._limits, self._scope, self._receive, self._send = limits, scope, receive, send
        self.id, self.status, self.held_bytes, self._complete = request_id, 0, 0, False

    async def receive(self) -> Message:
        message = await self._receive()
        n_bytes = len(message.get("body", b""))
        self._complete = not message.get("more_body")
        if not self._complete or self.held_bytes + n_bytes > self._limits.largest:
            self._hold(n_bytes)
        return message

    def _hold(self, n_bytes: int) -> None:
        limits = self._limits
        self.held_bytes += n_bytes
        limits.held_bytes += n_bytes
        if self._late():
            raise HTTPException(408, f"The request did not come within {READ_TIMEOUT_S} s.")
        if self.held_bytes > limits.largest:
            raise HTTPException(413, f"The body is larger than {limits.largest} bytes. Send less.")
        if limits.held_bytes > BODIES * limits.largest:
            raise HTTPException(503, "Too many large requests at once.", {"Retry-After": "1"})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.id)]
            if self.status >= 400 and not self._complete:
                await self._drain()
                message["headers"] += [] if self._complete else [(b"connection", b"close")]
        await self._send(message)

    async def _drain(self) -> None:
        """Read on for a while: who is still sending would see a broken pipe, not the answer."""
        left = BODIES * self._limits.largest
        while left > 0 and not self._complete and not self._late():
            message = await self._receive()
            self._complete = not message.get("more_body")
            left -= len(message.get("body", b""))

    def _late(self) -> bool:
        return "late" in self._scope.get("state", ())


class AccessLog:
    """A line of JSON for each answer: neither query nor headers nor body, which may hold secrets.

    Lines of a moment are written together, because each write is a call of the system.
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


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with a limit on how long a request may take to come, and its headers."""

    _timer: TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(READ_TIMEOUT_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: Any = self.cycle
        in_headers = cycle is None or cycle.scope is not self.scope
        if not in_headers and not cycle.more_body:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(READ_TIMEOUT_S, self._too_late)
        self._header_bytes = self._header_bytes + len(data) if in_headers else 0
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse("431 Request Header Fields Too Large")

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
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
