"""Requests to a registry: with a login, repeated where that may help, and always with an end.

The login is that of https://distribution.github.io/distribution/spec/auth/token. A request that was
throttled, failed or cut off is repeated with back-off, and the log says why and for how long. Who
sends nothing is given PATIENCE_S in all.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Silence
from urllib3.util import Retry, Timeout, Url, parse_url

from mlops_loop.errors import StoreNotThere, StoreUnreachable
from mlops_loop.storage.answers import Token, Unexpected
from mlops_loop.storage.login import Use, credentials, source

log = logging.getLogger(__name__)

RETRIES = Retry(total=5, backoff_factor=0.5, retry_after_max=60, allowed_methods=None)
# urllib3 follows redirects, without the token where they lead elsewhere. All else is repeated here,
# because an upload starts again from its first byte and a download continues.
ONCE = Retry(5, 0, 0, 5, 0, 0, respect_retry_after_header=False, raise_on_status=False)
PATIENCE_S = 50  # without a byte, all tries together
READ_S, WRITE_S = 20, 50  # without a byte, one try; a registry checks what it was sent
SLOW_S, SLOW_BYTES = 30.0, 1024  # an answer of fewer bytes in this time has stopped
LARGEST = 64 << 20  # bytes of an answer that is read as a whole
BUSY = {408, 429, 500, 502, 503, 504}
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
SCOPES = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}  # all else pushes
Statuses = tuple[int, ...]
Headers = dict[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: Any
    data: bytes


class _Busy(HTTPError):
    """An answer after which the same request may succeed later."""

    def __init__(self, answer: Any, where: str = ""):
        super().__init__(f"{answer.status} {answer.reason}{where}")
        self.answer = answer


class Transport:
    """Sends requests to one repository of a registry.

    All methods raise StoreUnreachable where the registry is down, refuses, or answers what the
    protocol does not know; StoreNotThere where reading is refused as for what does not exist.
    """

    def __init__(self, url: str, where: Url, retries: Retry | None, use: Use):
        self.url, self._retries, self._use = url, retries, use
        self._name, self._host = (where.path or "").strip("/"), where.netloc or ""
        self._origin = f"{where.scheme}://{where.netloc}/"
        self._http = urllib3.PoolManager(retries=ONCE)
        self._tokens: dict[str, Headers] = {}

    def _ask(self, method: str, url: str, ok: Statuses = (200,), **call: Any) -> Reply:
        """An answer as a whole."""

        def attempt() -> Reply:
            with self._send(method, url, ok, **call) as answer:
                return Reply(answer.status, answer.headers, b"".join(pieces(answer, LARGEST)))

        return self._repeat(attempt)

    def _repeat(self, action: Callable[[], Any]) -> Any:
        """The result of `action`, repeated as often and as patiently as RETRIES says."""
        retries, silent_s = self._retries or RETRIES, 0.0
        while True:
            start = time.monotonic()
            try:
                return action()
            except Unexpected as error:
                raise self._error(f"it answers {error}") from error
            except HTTPError as error:
                cause = getattr(error, "reason", None) or error
                if isinstance(cause, Silence):
                    silent_s += time.monotonic() - start
                retries = self._wait(retries, cause, silent_s)

    def _wait(self, retries: Retry, cause: Any, silent_s: float) -> Retry:
        """Wait before the next try; raises StoreUnreachable where there is none."""
        answer = getattr(cause, "answer", None)
        try:
            if silent_s + READ_S > PATIENCE_S:
                raise cause
            retries = retries.increment("GET", self.url, answer, None if answer else cause)
        except HTTPError:
            raise self._error(cause, answer and answer.status) from cause
        delay_s = _delay(retries, answer)
        log.warning("The registry %s: %s. Trying again in %.0f s.", self.url, cause, delay_s)
        time.sleep(delay_s)
        return retries

    def _send(
        self, method: str, url: str, ok: Statuses = (200,), headers: Headers | None = None,
        busy: Statuses = (), **call: Any,
    ) -> Any:  # fmt: skip
        """One request, with a login where the registry asks for one; the answer is not read yet.

        busy: statuses after which the same request may succeed later, besides BUSY.
        """
        url = _joined(f"{self._origin}v2/{self._name}/", url)
        own = url.startswith(self._origin)  # nobody else gets the token
        scope = SCOPES.get(method, "pull,push")
        wait = Timeout(connect=10, read=READ_S if scope == "pull" else WRITE_S)
        call |= {"timeout": wait, "preload_content": False}
        for first in (True, False):
            sent = (headers or {}) | (self._tokens.get(scope, {}) if own else {})
            answer = self._http.request(method, url, headers=sent, **call)
            if answer.status != 401 or not own or not first:
                break
            answer.close()
            self._login(answer.headers.get("WWW-Authenticate", ""), scope)
            if not isinstance(call.get("body"), bytes | None):
                raise _Busy(answer)  # the token has expired; the file must be sent again
        return self._checked(answer, ok, busy, scope)

    def _checked(self, answer: Any, ok: Statuses, busy: Statuses, scope: str) -> Any:
        if answer.status in ok:
            return answer
        answer.close()
        if answer.status in BUSY:
            raise _Busy(answer)
        if answer.status in busy:
            raise _Busy(answer, " for what it should have")
        raise self._error(f"{answer.status} {answer.reason}", answer.status, scope == "pull")

    def _login(self, challenge: str, scope: str) -> None:
        """Take the login of this machine or, where the registry asks for it, exchange it."""
        login = credentials(self._host, self._use)
        own = urllib3.make_headers(basic_auth=":".join(login)) if login else {}
        self._tokens[scope] = own
        if not challenge.lower().startswith("bearer"):
            return
        self._tokens[scope] = {"Authorization": f"Bearer {self._exchange(challenge, scope, own)}"}

    def _exchange(self, challenge: str, scope: str, own: Headers) -> str:
        """The token for a scope."""
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = _parsed(wanted.get("realm", ""))
        if realm.scheme != "https" and realm.host not in LOOPBACK:
            raise self._error("it asks for a login at an address without https")
        asked = {"service": wanted.get("service", "")}
        asked["scope"] = f"repository:{self._name}:{scope}"
        wait = Timeout(connect=10, read=READ_S)
        with self._http.request(
            "GET", f"{realm.url}?{urlencode(asked)}", headers=own, timeout=wait,
            preload_content=False,
        ) as answer:  # fmt: skip
            self._checked(answer, (200,), (), scope)
            return Token.read(b"".join(pieces(answer, LARGEST))).value

    def _error(
        self, what: object, status: int | None = None, reading: bool = False
    ) -> StoreUnreachable:
        after = "the same command again, which continues where this one stopped"
        if status in (401, 403):
            names = f"{self._use}_USERNAME and {self._use}_PASSWORD"
            after = f"docker login {self._host}, or set {names}"
            if source(self._host, self._use) == "GITHUB":
                after = "loop doctor on your machine, which says whether this package is linked"
            what = f"{what}: your login may not do this, or nothing was ever pushed"
        kind = StoreNotThere if reading and status in (401, 403, 404) else StoreUnreachable
        error = kind(f"The registry {self.url}: {what}. Nothing is lost. Next: {after}")
        error.status = status
        return error


def pieces(answer: Any, most: float) -> Iterator[bytes]:
    """The content of an answer as it arrives.

    Raises Unexpected for more than `most` bytes, HTTPError where it is cut off or stops.
    """
    since, size, before = time.monotonic(), 0, 0
    while piece := answer.read1(1 << 16):  # also what came just before a cut
        yield piece
        size += len(piece)
        if size > most:
            raise Unexpected(f"more than {most:,.0f} bytes")
        if time.monotonic() - since > SLOW_S:
            if size - before < SLOW_BYTES:
                raise HTTPError(f"{size - before} bytes in {SLOW_S:.0f} s")
            since, before = time.monotonic(), size
    if answer.length_remaining:
        raise HTTPError(f"cut off with {answer.length_remaining} bytes to come")


def _delay(retries: Retry, answer: Any) -> float:
    """Seconds until the next try: what the registry asks for, if that is a time."""
    try:
        asked = retries.get_retry_after(answer) if answer else None
    except (HTTPError, ValueError, OverflowError):
        asked = None
    return retries.get_backoff_time() if asked is None else asked


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError as error:
        raise Unexpected(f"the address {url[:60]!r}") from error


def _parsed(url: str) -> Url:
    try:
        return parse_url(url)
    except (ValueError, HTTPError) as error:
        raise Unexpected(f"the address {url[:60]!r}") from error
