"""Who asks the endpoint: a key, or in a workflow the token that GitHub signs for the job.

ENDPOINT_KEY_FILE, ENDPOINT_KEY      a key, where one is given
ACTIONS_ID_TOKEN_REQUEST_URL, _TOKEN of a job with `permissions: id-token: write`
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

import urllib3

from mlops_loop.errors import LogUnavailable, UsageError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
HOW = "In a job: permissions: id-token: write. Elsewhere: set ENDPOINT_KEY_FILE or ENDPOINT_KEY"


def credential(audience: str, env: Mapping[str, str]) -> str:
    """A key or a new token; empty where nothing is given. A token is valid for minutes only.

    Raises UsageError for a key that cannot be read, LogUnavailable where GitHub gives no token.
    """
    if path := env.get("ENDPOINT_KEY_FILE"):
        return _plain(_key_of(Path(path)), "ENDPOINT_KEY_FILE")
    if key := env.get("ENDPOINT_KEY"):
        return _plain(key.strip(), "ENDPOINT_KEY")
    url = env.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    token = env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    return _token_of_job(url, token, audience) if url and token else ""


def is_safe(url: str) -> bool:
    """Whether a secret may be sent there: by https, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _key_of(path: Path) -> str:
    try:
        lines = path.read_text("utf-8").split()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(f"ENDPOINT_KEY_FILE={path} cannot be read: {reason}.") from None
    return lines[0] if lines else ""


def _plain(key: str, name: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(f"{name} holds no key: it is one line of ASCII characters.")
    return key


def _token_of_job(url: str, token: str, audience: str) -> str:
    """https://docs.github.com/actions/reference/security/oidc"""
    if not is_safe(url):
        raise UsageError("ACTIONS_ID_TOKEN_REQUEST_URL is no https address: no token is asked for.")
    mark = "&" if "?" in url else "?"
    address = f"{url}{mark}audience={quote(audience, safe='')}"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
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
    raise LogUnavailable(f"GitHub gives this job no token for {audience}: {reason}. {HOW}")
