"""The token that GitHub signs for a job with `permissions: id-token: write`.

ACTIONS_ID_TOKEN_REQUEST_URL, _TOKEN      whom to ask, and the right to
STORE_TOKEN_FILE, STORE_TOKEN_AUDIENCE    what `loop cloud login` wrote, see `kept_fresh`

The right to ask goes to the host that GitHub names and nowhere else; no token is in a message.
https://docs.github.com/actions/reference/security/oidc
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import urllib3

from mlops_loop.errors import NoJobToken, UsageError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
URL, RIGHT = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
FILE, AUDIENCE = "STORE_TOKEN_FILE", "STORE_TOKEN_AUDIENCE"
RENEW_S = 120  # a token is valid for 5 minutes: https://docs.github.com/actions/concepts/security/openid-connect


def is_safe(url: str) -> bool:
    """Whether a secret may be sent there: by https, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def is_given(env: Mapping[str, str]) -> bool:
    """Whether this job may ask for a token."""
    return bool(env.get(URL) and env.get(RIGHT))


def fetch(audience: str, env: Mapping[str, str]) -> str:
    """A new token of this job for an audience.

    Raises NoJobToken where GitHub gives none, UsageError where it would be asked in the clear.
    """
    url = env[URL]
    if not is_safe(url):
        raise UsageError(f"{URL} is no https address: no token is asked for.")
    mark = "&" if "?" in url else "?"
    address = f"{url}{mark}audience={quote(audience, safe='')}"
    headers = {"Authorization": f"Bearer {env[RIGHT]}", "Accept": "application/json"}
    try:
        answer = urllib3.request(
            "GET", address, headers=headers, timeout=10, redirect=False,
            retries=urllib3.Retry(3, backoff_factor=0.5, redirect=0),
        )  # fmt: skip
        if answer.status == 200 and isinstance(value := answer.json()["value"], str):
            return value
        reason = f"{answer.status} {answer.reason}"
    except (urllib3.exceptions.HTTPError, ValueError, LookupError, TypeError) as error:
        reason = type(error).__name__
    raise NoJobToken(f"GitHub gives this job no token for {audience}: {reason}.")


def write(path: Path, audience: str, env: Mapping[str, str]) -> None:
    """Write a new token to a file that only its owner reads; GitHub masks it in the log.

    Whoever reads meanwhile finds the old one or the new one, never a part. Raises as `fetch`.
    """
    token = fetch(audience, env)
    if env.get("GITHUB_ACTIONS") == "true":
        print(f"::add-mask::{token}", file=sys.stderr, flush=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # with mode 0600
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token)
    Path(part).replace(path)


@contextmanager
def kept_fresh(env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Renew the token of `loop cloud login` until the block ends, which may outlast it.

    The clouds' libraries read the file whenever their own credentials end. Nothing happens
    without that login. Raises NoJobToken where the file is old and GitHub gives no new token.
    """
    if not (name := env.get(FILE)):
        yield
        return
    path, ended = Path(name), threading.Event()
    if not path.exists() or time.time() - path.stat().st_mtime > RENEW_S:
        write(path, env[AUDIENCE], env)
    renew = threading.Thread(
        target=_renew, args=(ended, lambda: write(path, env[AUDIENCE], env)), daemon=True
    )
    renew.start()
    try:
        yield
    finally:
        ended.set()


def _renew(ended: threading.Event, write_again: Callable[[], None]) -> None:
    while not ended.wait(RENEW_S):
        with suppress(NoJobToken, OSError):  # the next time; what needs it says that it is old
            write_again()
