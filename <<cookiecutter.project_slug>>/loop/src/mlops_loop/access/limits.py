"""What a request may cost: an id for each, a line in the access log, and limits on all of them.

`Limits` is plain ASGI around the whole app and costs microseconds. Slow clients are seen in
`connection.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_network
from math import inf
from secrets import token_hex
from time import perf_counter

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_loop.access import connection, cors, encodings, open_connections
from mlops_loop.access.access_log import AccessLog
from mlops_loop.access.auth import Auth
from mlops_loop.access.rate import RateLimit
from mlops_loop.access.responses import error_response
from mlops_loop.settings import Settings

SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
HELD_FROM = 64 * 1024  # bytes of a body; smaller ones that come at once are not counted
MAX_BODIES = 16  # of the largest size, in memory at the same time
BODY_HEADERS = {b"content-length", b"transfer-encoding", b"content-encoding", b"expect"}
PROBES = {"/health", "/ready", "/metrics", "/v2/health/live", "/v2/health/ready", "/ping"}


class Limits:
    """Around the app: a request that is refused here costs the app nothing."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        auth: Auth,
        answered: Callable[[Scope, int, float], None],
        log: AccessLog | None,
    ) -> None:
        """`answered` is called with each request, the status of its answer and its seconds."""
        self._origins = settings.origins
        self.app, self._auth, self._closed = self.allow(app), auth, settings.auth_predict
        self._answered, self._log = answered, log
        self.max_body_bytes = settings.max_body_bytes
        self.max_running = settings.max_concurrency
        self.rate = settings.rate_per_s and RateLimit(settings.rate_per_s, settings.rate_burst)
        self.running = self.held_bytes = self._count = 0
        self._name = token_hex(6).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            if self._log:  # such as the end of the process
                self._log.write()
            return
        start, header_bytes, request_id, announced = perf_counter(), 0, b"", _Announced()
        for name, value in scope["headers"]:
            header_bytes += len(name) + len(value) + 4
            if name == b"x-request-id" and SANE_ID.fullmatch(value):
                request_id = value
            elif name in BODY_HEADERS:
                announced.read(name, value)
        if not request_id:
            self._count += 1
            request_id = b"%s-%x" % (self._name, self._count)
        exchange = _Exchange(self, scope, receive, send, request_id, announced)
        try:
            self._admit(scope, header_bytes, announced)
            if announced.encoding:
                exchange.decoder = encodings.decoder(announced.encoding, self.max_body_bytes)
            if self._closed and scope["method"] == "POST":  # it predicts, or is protected anyway
                await self._auth.check(Headers(scope=scope))
            if scope["method"] != "POST" or not announced.n_bytes:  # no route reads another body
                exchange.take_place()
            await self.app(scope, exchange.receive, exchange.send)
        except HTTPException as error:
            await exchange.refuse(error.status_code, error.detail, error.headers)
        except ClientDisconnect:
            exchange.status = 499  # as nginx logs it: nobody waits for an answer any more
        except Exception:
            if not exchange.status:
                await exchange.refuse(500, f"This is a bug. Request {request_id.decode()}.")
            raise
        finally:
            self.running -= exchange.in_place
            self.held_bytes -= exchange.held_bytes
            took = perf_counter() - start
            self._answered(scope, exchange.status, took)
            if self._log:
                self._log.add(scope, request_id, exchange.status, took)

    def allow(self, app: ASGIApp) -> ASGIApp:
        """The app for pages of CORS_ORIGINS as well."""
        return cors.allowing(app, self._origins)

    def _admit(self, scope: Scope, header_bytes: int, announced: _Announced) -> None:
        if header_bytes > connection.MAX_HEADER_BYTES:
            limit = connection.MAX_HEADER_BYTES
            raise HTTPException(431, f"The headers are larger than {limit} bytes.")
        if scope["path"] in PROBES:
            return
        if self.max_body_bytes < announced.n_bytes < inf:
            raise self.too_large()
        if self.rate and (wait := self.rate.wait(self._client(scope))):
            sentence = f"Too many requests: ask again in {wait:.1f} s."
            raise HTTPException(429, sentence, {"Retry-After": str(int(wait) + 1)})

    def too_large(self) -> HTTPException:
        return HTTPException(
            413, f"The body is larger than {self.max_body_bytes} bytes. Send less."
        )

    def _client(self, scope: Scope) -> str:
        """The holder of a valid key, else the address; of IPv6 its /64, which is one client."""
        if holder := self._auth.holder(Headers(scope=scope)):
            return holder
        host = scope["client"][0] if scope.get("client") else ""
        with suppress(ValueError):  # a proxy may send anything
            return str(ip_network(f"{host}/64", strict=False)) if ":" in host else host
        return host


class _Announced:
    """What the headers say of the body: its length in bytes, `inf` where only its end will tell."""

    n_bytes: float = 0
    encoding = b""
    expects_continue = False  # the client waits to be told before it sends the body

    def read(self, name: bytes, value: bytes) -> None:
        if name == b"transfer-encoding":
            self.n_bytes = inf
        elif name == b"expect":
            self.expects_continue = True
        elif name == b"content-encoding":
            self.encoding += b"," + value
        elif value.isdigit():
            self.n_bytes = max(self.n_bytes, int(value))


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        limits: Limits,
        scope: Scope,
        receive: Receive,
        send: Send,
        request_id: bytes,
        announced: _Announced,
    ) -> None:
        self._limits, self._scope, self._receive, self._send = limits, scope, receive, send
        self.id, self.status, self.held_bytes, self._complete = request_id, 0, 0, False
        self.in_place, self._lingers, self._announced = False, False, announced
        self._counted_from = min(HELD_FROM, limits.max_body_bytes)
        self.decoder: encodings.Gunzip | None = None

    def take_place(self) -> None:
        """Take one of the places of MAX_CONCURRENCY, which are for requests that have arrived.

        Raises HTTPException 503 where none is left; probes need none.
        """
        if self.in_place or self._scope["path"] in PROBES:
            return
        self.in_place = True
        self._limits.running += 1
        if self._limits.running > self._limits.max_running:
            raise HTTPException(503, "Too many requests at once.", {"Retry-After": "1"})

    async def receive(self) -> Message:
        message = await self._receive()
        self._complete = not message.get("more_body")
        if self.decoder and "body" in message:
            message["body"] = self.decoder.piece(message["body"], self._complete)
        n_bytes = len(message.get("body", b""))
        if not self._complete or self.held_bytes + n_bytes > self._counted_from:
            self._hold(n_bytes)
        if self._complete and message["type"] == "http.request":
            self.take_place()
        return message

    def _hold(self, n_bytes: int) -> None:
        limits, most = self._limits, self._limits.max_body_bytes
        self.held_bytes += n_bytes
        limits.held_bytes += n_bytes
        if self._late():
            limit = open_connections.READ_TIMEOUT_S
            raise HTTPException(408, f"The request did not come within {limit:g} s.")
        if self.held_bytes > most:
            raise limits.too_large()
        if limits.held_bytes > MAX_BODIES * most:
            raise HTTPException(503, "Too many large requests at once.", {"Retry-After": "1"})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.id)]
            if self.status >= 400 and not self._complete:
                await self._refuse_body(message)
        elif self._lingers and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body"}
        await self._send(message)

    async def _refuse_body(self, start: Message) -> None:
        """A body that fits is read first, and the connection lives on. Before any other the answer
        is sent, and what still comes is read before the end: a client that only reads once it has
        sent all would see a broken pipe otherwise."""
        announced = self._announced
        if announced.n_bytes <= self._limits.max_body_bytes and not announced.expects_continue:
            await self._drain()
        if not self._complete:
            start["headers"].append((b"connection", b"close"))
            self._lingers = True

    async def refuse(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with an error in the place of the app."""
        app = self._limits.allow(error_response(status, sentence, headers))
        await app(self._scope, self.receive, self.send)

    async def _drain(self) -> None:
        """Read on for a while: bounded in bytes and time."""
        left = MAX_BODIES * self._limits.max_body_bytes
        while left > 0 and not self._complete and not self._late():
            message = await self._receive()
            self._complete = not message.get("more_body")
            left -= len(message.get("body", b""))

    def _late(self) -> bool:
        return "late" in self._scope.get("state", ())
