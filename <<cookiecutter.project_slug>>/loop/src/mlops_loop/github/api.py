"""The one door to GitHub's API: `Repository().ask("issues.create_comment", ...)`.

GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN (or GH_TOKEN) say where and as whom; on a laptop
these are github.com, the remote origin and the login of GitHub's own command line.
"""

from __future__ import annotations

import inspect
import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from githubkit import GitHub, Response
from githubkit.exception import GitHubException, RateLimitExceeded, RequestFailed

from mlops_loop import git
from mlops_loop.errors import GitHubRefused, UsageError

TRIES, PATIENCE_S, TIMEOUT_S = 6, 120, 30
PASSING = {408, 500, 502, 503, 504}
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
BOT = "github-actions[bot]"  # whose token a workflow has


def event(env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What started this workflow, as GitHub describes it; {} where nothing did."""
    path = env.get("GITHUB_EVENT_PATH")
    return json.loads(Path(path).read_text("utf-8")) if path and Path(path).exists() else {}


def _token(env: Mapping[str, str], host: str) -> str:
    if given := env.get("GITHUB_TOKEN") or env.get("GH_TOKEN"):
        return given
    try:
        call = ["gh", "auth", "token", "--hostname", host]
        done = subprocess.run(call, capture_output=True, text=True, timeout=30)
        if done.stdout.strip():
            return done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        pass  # as without a login
    raise GitHubRefused(
        "No login for GitHub. Next: in a workflow, give the step the environment variable "
        "GITHUB_TOKEN: ${{ github.token }}; on a laptop, gh auth login or set GITHUB_TOKEN"
    )


class Repository:
    """The repository on GitHub; `name` is OWNER/NAME.

    `ask` and `all` take GitHub's own names for what it can do, as `issues.create_comment`
    (https://docs.github.com/rest), with owner and repository filled in. They raise GitHubRefused.
    """

    def __init__(self, env: Mapping[str, str] = os.environ):
        self.name = env.get("GITHUB_REPOSITORY") or git.github_name(Path())
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.name):
            told = f"{self.name!r} is no repository on GitHub (OWNER/NAME)"
            raise UsageError(f"{told}. Next: set GITHUB_REPOSITORY, or git remote add origin URL")
        self.url = env.get("GITHUB_API_URL") or "https://api.github.com"
        host = (urlsplit(self.url).hostname or "").removeprefix("api.")
        place = "/".join(quote(env[k]) for k in ("GITHUB_WORKFLOW", "GITHUB_JOB") if env.get(k))
        agent = f"{(__package__ or '').split('.')[0]} ({place or 'laptop'})"
        self._own = BOT if env.get("GITHUB_ACTIONS") == "true" else ""
        self._client = GitHub(
            _token(env, host), base_url=self.url, user_agent=agent, timeout=TIMEOUT_S,
            auto_retry=False, http_cache=False, ssl_verify=httpx.create_ssl_context(),
        )  # fmt: skip

    def own_login(self) -> str:
        """As whom this writes. A workflow's token may not ask."""
        self._own = self._own or self.ask("users.get_authenticated")["login"]
        return self._own

    def ask(self, operation: str, /, *, idempotent: bool = False, **arguments: Any) -> Any:
        """The JSON of an answer, None where there is none.

        A refusal that may pass is tried again, within PATIENCE_S; not what creates something and
        may have done so, unless it is `idempotent` to do it twice.
        """
        answer = self._patiently(operation, idempotent, arguments)
        return answer.json() if answer.raw_response.content else None

    def all(self, operation: str, /, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The items of all pages of a list."""
        page, more = 1, True
        while more:
            call = {"per_page": 100, "page": page, **arguments}
            answer = self._patiently(operation, False, call)
            found = answer.json()
            lists = [found] if isinstance(found, list) else found.values()
            yield from next(items for items in lists if isinstance(items, list))
            page, more = page + 1, "next" in answer.raw_response.links

    def _patiently(self, operation: str, idempotent: bool, arguments: dict[str, Any]) -> Response:
        method = attrgetter(operation)(self._client.rest)
        if "owner" in inspect.signature(method).parameters:
            owner, repo = self.name.split("/")
            arguments = {"owner": owner, "repo": repo, **arguments}
        deadline = time.monotonic() + PATIENCE_S
        for attempt in itertools.count():
            try:
                return method(**arguments)
            except GitHubException as error:
                wait = _wait_s(error, attempt, idempotent)
                if wait is None or attempt + 1 == TRIES or time.monotonic() + wait > deadline:
                    raise self._refusal(operation, error, wait) from None
            time.sleep(wait)

    def _refusal(self, operation: str, error: GitHubException, wait: float | None) -> GitHubRefused:
        """What was asked, what GitHub said, and what would help; never the token."""
        asked = f"GitHub ({self.url}), asked for {operation} of {self.name}"
        if not isinstance(error, RequestFailed):
            reason = str(getattr(error, "exc", error)) or type(error).__name__
            return GitHubRefused(
                f"{asked}, does not answer: {reason}. It may have done it all the same. "
                "Next: the same command again, which looks first"
            )
        answer = error.response
        told = f"{asked}, answers {answer.status_code}: {_said(answer)}"
        limited = wait is not None and answer.status_code == 403  # not a right that is lacking
        status = 429 if limited else answer.status_code
        return GitHubRefused(f"{told}. Next: {_remedy(answer, wait)}", status)


def _wait_s(error: GitHubException, attempt: int, idempotent: bool) -> float | None:
    """Seconds after which the same may pass, None where it will not or must not be repeated."""
    back_off = float(2**attempt)
    if isinstance(error, RateLimitExceeded):
        return error.retry_after.total_seconds() + 1  # refused, so nothing was done
    if not isinstance(error, RequestFailed):
        cause = getattr(error, "exc", None)
        if not isinstance(cause, httpx.TransportError):
            return None
        repeat = idempotent or isinstance(cause, UNSENT) or cause.request.method != "POST"
        return back_off if repeat else None
    status = error.response.status_code
    if status == 429 or (status == 403 and "secondary rate limit" in _said(error.response)):
        return 60.0  # GitHub's advice where no header says how long
    repeat = idempotent or error.request.method != "POST"
    return back_off if status in PASSING and repeat else None


def _said(answer: Response) -> str:
    """GitHub's own message with its details, on one line."""
    try:
        found = answer.json()
        details = [e if isinstance(e, str) else json.dumps(e) for e in found.get("errors") or []]
        text = " ".join([str(found["message"]), *details])
    except (ValueError, LookupError, TypeError, AttributeError):
        text = answer.raw_response.reason_phrase
    return "".join(c if c.isprintable() else " " for c in text)[:1000].rstrip(".")


def _remedy(answer: Response, wait: float | None) -> str:
    status, needed = answer.status_code, answer.headers.get("X-Accepted-GitHub-Permissions", "")
    if wait is not None:
        return f"the same command again, in {wait:.0f} s or later"
    if status == 401:
        return "a token that is valid: gh auth login, or GITHUB_TOKEN: ${{ github.token }}"
    if status in (403, 404) and needed:
        grants = needed.replace("_", "-").replace("=", ": ").replace(";", ", or")
        return f"give this token {grants} (in a workflow: under `permissions:` of the job)"
    if status in (403, 404):
        return "look whether it exists, and whether this token may see and change it"
    if status in PASSING:
        return "the same command again, which looks first what was done"
    return "look at what GitHub says; if this command is wrong there, please report it"
