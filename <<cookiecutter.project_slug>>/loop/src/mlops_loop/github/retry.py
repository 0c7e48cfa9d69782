"""Which refusals of GitHub may pass, and after how many seconds."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import httpx
from githubkit import Response
from githubkit.exception import GitHubException, RateLimitExceeded, RequestFailed
from githubkit.retry import RetryOption

TRIES, PATIENCE_S = 6, 120
PASSING = {408, 500, 502, 503, 504}
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
LIMIT_S = 60.0  # GitHub's advice where no header says how long


class Retry:
    """The decision that githubkit asks for after each refusal of a request.

    At most TRIES attempts, and none later than PATIENCE_S after the first refusal. While
    `idempotent` is set, a POST that may have been carried out is repeated too.
    """

    def __init__(self) -> None:
        self.idempotent = False
        self._deadline = 0.0

    def __call__(self, error: GitHubException, attempt: int) -> RetryOption:
        """Whether to repeat the request, and after how long; `attempt` counts from 0."""
        if attempt == 0:
            self._deadline = time.monotonic() + PATIENCE_S
        wait = self.wait_s(error, attempt)
        if wait is None or attempt + 1 == TRIES or time.monotonic() + wait > self._deadline:
            return RetryOption(False)
        return RetryOption(True, timedelta(seconds=wait))

    def wait_s(self, error: GitHubException, attempt: int) -> float | None:
        """Seconds after which the same request may pass; None where it must not be repeated."""
        if isinstance(error, RateLimitExceeded):
            return error.retry_after.total_seconds() + 1  # refused, so nothing was done
        if isinstance(error, RequestFailed):
            return self._after_answer(error, attempt)
        cause = getattr(error, "exc", None)
        if not isinstance(cause, httpx.TransportError):
            return None
        may_repeat = isinstance(cause, UNSENT) or self._may_repeat(cause.request)
        return float(2**attempt) if may_repeat else None

    def _after_answer(self, error: RequestFailed, attempt: int) -> float | None:
        status = error.response.status_code
        if status == 429 or (status == 403 and "secondary rate limit" in message(error.response)):
            return LIMIT_S
        return float(2**attempt) if status in PASSING and self._may_repeat(error.request) else None

    def _may_repeat(self, request: httpx.Request) -> bool:
        return self.idempotent or request.method != "POST"


def message(answer: Response) -> str:
    """GitHub's own message with its details, on one line."""
    try:
        content = answer.json()
        details = [e if isinstance(e, str) else json.dumps(e) for e in content.get("errors") or []]
        text = " ".join([str(content["message"]), *details])
    except (ValueError, LookupError, TypeError, AttributeError):
        text = answer.raw_response.reason_phrase
    return "".join(c if c.isprintable() else " " for c in text)[:1000].rstrip(".")
