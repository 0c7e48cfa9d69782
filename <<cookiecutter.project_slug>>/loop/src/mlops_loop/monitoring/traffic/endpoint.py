"""Traffic of kind `endpoint`: `/logs/export` of the endpoint in production, day by day.

An answer is read as it arrives and never held whole. Where it is cut off, the rest is asked for
from the last row on; rows that come twice are left out. A day counts as whole when as many rows
came as the endpoint announced. Redirects are not followed, so no other host sees the credential.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NotRequired
from urllib.parse import urlencode, urlsplit

import pandas as pd
import urllib3
from pydantic import AwareDatetime, NonNegativeInt, TypeAdapter, ValidationError
from typing_extensions import TypedDict
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from mlops_loop import job_token
from mlops_loop.errors import LogUnavailable, UsageError
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.credential import HOW, credential
from mlops_loop.monitoring.traffic.kinds import Endpoint
from mlops_loop.prediction_log.database import Problems
from mlops_loop.prediction_log.records import problems_of
from mlops_loop.text import public_url

log = logging.getLogger(__name__)

TIMEOUT = Timeout(connect=10, read=60)
TRIES, BACKOFF_S = 5, 1.0  # without a new row in between
LONGEST = 8 << 20  # bytes of a line: inputs and outputs of one row
MOST_PROBLEMS = 1 << 20  # bytes
TOTAL = "X-Total-Rows"  # of the whole span that was asked for
BUSY = (408, 429, 500, 502, 503, 504)


class Line(TypedDict):
    """What is read of a line of the export."""

    prediction_id: str
    row: NonNegativeInt
    at: AwareDatetime
    model_version: str
    inputs: dict[str, Any]
    output: dict[str, Any]
    outcome: str | bool | int | float | None
    outcome_at: AwareDatetime | None
    latency_ms: NotRequired[float | None]


LINES = TypeAdapter(list[Line])


@dataclass
class _Progress:
    """How far a day was read: `since` is the moment of the last row, `last` its rows."""

    since: datetime
    until: datetime
    ends: float  # by time.monotonic
    last: set[tuple[str, int]] = field(default_factory=set)
    rows: int = 0
    size: int = 0  # bytes
    total: int | None = None

    def new(self, lines: list[Line]) -> list[Line]:
        """Those that did not come before, which are counted."""
        fresh = []
        for line in lines:
            key = line["prediction_id"], line["row"]
            if line["at"] < self.since:
                raise LogUnavailable(f"The row {key} comes after one of {self.since}: no order.")
            if line["at"] > self.since:
                self.since, self.last = line["at"], set()
            if key not in self.last:
                self.last.add(key)
                fresh.append(line)
        self.rows += len(fresh)
        return fresh


class EndpointTraffic:
    """See `table.Source`. PRODUCTION_URL is the endpoint; `credential` says who asks."""

    note = ""

    def __init__(self, config: Endpoint, env: Mapping[str, str] = os.environ):
        """Raises UsageError where PRODUCTION_URL is no address that a key may be sent to."""
        self._config, self._env = config, env
        self.url = env.get("PRODUCTION_URL", "").strip().rstrip("/")
        parts = urlsplit(self.url)
        if not job_token.is_safe(self.url) or not parts.hostname or parts.username or parts.query:
            shown = f"is {public_url(self.url)!r}" if self.url else "is not set"
            raise UsageError(
                f"PRODUCTION_URL {shown}: traffic.kind endpoint needs https://HOST (http:// on "
                "this machine only). Next: set it, or another traffic.kind in monitor.yaml"
            )

    def day(self, day: date) -> Iterator[pd.DataFrame]:
        """The rows of a day in tables; raises as `table.Source` says."""
        start, end = table.bounds(day)
        progress = _Progress(start, end, time.monotonic() + self._config.max_minutes * 60)
        failures = 0
        while True:
            before = progress.rows
            try:
                for lines in self._lines(progress):
                    if fresh := progress.new(lines):
                        yield table.of_records(fresh)
                return self._check_whole(day, progress)
            except HTTPError as error:
                failures = 1 if progress.rows > before else failures + 1
                self._wait(failures, error)

    def problems(self, day: date) -> Problems | None:
        """What the endpoint counted; None where it does not tell, as one of an earlier version."""
        try:
            with self._request("/logs/problems", urlencode({"day": str(day)})) as answer:
                if answer.status == 200:
                    return problems_of(json.loads(answer.read(MOST_PROBLEMS)))
        except (HTTPError, ValueError, LookupError, TypeError) as error:
            log.warning("%s/logs/problems cannot be read: %s", self.url, type(error).__name__)
        return None

    def _wait(self, failures: int, error: HTTPError) -> None:
        reason = getattr(error, "reason", None) or error
        if failures >= TRIES:
            raise LogUnavailable(
                f"{self.url}/logs/export cannot be read: {reason}. Tried {TRIES} times. Next: the "
                "same command again; days that were read are kept"
            ) from error
        log.warning("%s/logs/export: %s. It is asked for the rest.", self.url, reason)
        time.sleep(BACKOFF_S * 2 ** (failures - 1))

    def _check_whole(self, day: date, progress: _Progress) -> None:
        if progress.total is not None and progress.rows < progress.total:
            raise LogUnavailable(
                f"{self.url}/logs/export sent {progress.rows:,} of the {progress.total:,} rows of "
                f"{day}. Nothing of that day is used. Next: the same command again"
            )

    def _lines(self, progress: _Progress) -> Iterator[list[Line]]:
        """Lines of one answer, checked, many at a time.

        Raises HTTPError where it is cut off, after the whole lines that came before.
        """
        asked = {"since": progress.since.isoformat(), "until": progress.until.isoformat()}
        waiting: list[bytes] = []
        with self._answer(urlencode(asked)) as answer:
            self._note_total(answer, progress)
            try:
                for line in self._split(answer, progress):
                    waiting.append(line)
                    if len(waiting) >= table.CHUNK_ROWS:
                        yield self._parsed(waiting)
                        waiting = []
            except HTTPError:
                yield self._parsed(waiting)
                raise
        yield self._parsed(waiting)

    def _split(self, answer: urllib3.BaseHTTPResponse, progress: _Progress) -> Iterator[bytes]:
        rest = b""
        while piece := answer.read1(1 << 16):
            self._check_limits(len(piece), progress)
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
            if len(rest) > LONGEST:
                raise LogUnavailable(f"{self.url}/logs/export sends a line without an end.")
        if answer.length_remaining:
            raise HTTPError(f"cut off with {answer.length_remaining} bytes to come")
        yield rest

    def _note_total(self, answer: urllib3.BaseHTTPResponse, progress: _Progress) -> None:
        total = answer.headers.get(TOTAL, "")
        if progress.total is None and not progress.rows and total.isdecimal():
            progress.total = int(total)

    def _check_limits(self, size: int, progress: _Progress) -> None:
        progress.size += size
        over = f"Next: raise it in monitor.yaml, or export by files ({self.url} sends too much)"
        if progress.size > self._config.max_mb << 20:
            limit = f"traffic.max_mb = {self._config.max_mb}"
            raise UsageError(f"The day {progress.until:%Y-%m-%d} is larger than {limit}. {over}")
        if time.monotonic() > progress.ends:
            limit = f"traffic.max_minutes = {self._config.max_minutes:g}"
            raise UsageError(f"Reading a day takes longer than {limit}. {over}")

    def _answer(self, query: str) -> urllib3.BaseHTTPResponse:
        """An answer of 200, not read yet; raises HTTPError where the same may succeed later."""
        address = f"{self.url}/logs/export"
        answer = self._request("/logs/export", query)
        if answer.status != 200:
            detail = " ".join(
                answer.read(500, decode_content=True).decode(errors="replace").split()
            )
            answer.close()
            said = f"{answer.status} {answer.reason} {detail}".strip()
            if answer.status in BUSY:
                raise HTTPError(said)
            raise UsageError(f"{address} answers {said}. {_next(answer.status)}")
        return answer

    def _request(self, path: str, query: str) -> urllib3.BaseHTTPResponse:
        key = credential(self.url, self._config.audience or self.url, self._env)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return urllib3.request(
            "GET", f"{self.url}{path}?{query}", headers=headers, timeout=TIMEOUT, retries=False,
            redirect=False, preload_content=False,
        )  # fmt: skip

    def _parsed(self, lines: list[bytes]) -> list[Line]:
        try:
            return LINES.validate_json(b"[%b]" % b",".join(line for line in lines if line.strip()))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"][1:]))
            raise LogUnavailable(
                f"{self.url}/logs/export sends what is no row of a log: {place} {first['msg']}."
            ) from None


def _next(status: int) -> str:
    if status in (401, 403):
        return f"{HOW}; the endpoint needs AUTH (loop/docs/serving.md)"
    if status == 404:
        return "Next: set LOG_URL at the endpoint, or another traffic.kind in monitor.yaml"
    return "Next: see PRODUCTION_URL; a redirect is not followed"
