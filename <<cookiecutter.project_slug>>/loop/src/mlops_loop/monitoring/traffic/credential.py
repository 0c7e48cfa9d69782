"""Who asks the endpoint: a key, or in a workflow the token that GitHub signs for the job.

ENDPOINT_KEY_FILE, ENDPOINT_KEY      a key, where one is given; else the endpoint's own, where it
                                     runs on this machine (`key_file.py`)
ACTIONS_ID_TOKEN_REQUEST_URL, _TOKEN of a job with `permissions: id-token: write`
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops_loop import job_token, key_file
from mlops_loop.errors import LogUnavailable, NoJobToken, UsageError

HOW = (
    "In a job: permissions: id-token: write. Elsewhere: set ENDPOINT_KEY_FILE or ENDPOINT_KEY; "
    "only of an endpoint at http://127.0.0.1:PORT that was started in this folder the key is found"
)


def credential(url: str, audience: str, env: Mapping[str, str]) -> str:
    """A key or a new token for the endpoint at `url`; empty where nothing is given.

    A token is valid for minutes only. Raises UsageError for a key that cannot be read,
    LogUnavailable where GitHub gives no token.
    """
    if path := env.get("ENDPOINT_KEY_FILE"):
        return _plain(_key_of(Path(path)), "ENDPOINT_KEY_FILE")
    if key := env.get("ENDPOINT_KEY"):
        return _plain(key.strip(), "ENDPOINT_KEY")
    if key := key_file.of(url):
        return key
    try:
        return job_token.fetch(audience, env) if job_token.is_given(env) else ""
    except NoJobToken as error:
        raise LogUnavailable(f"{error} {HOW}") from None


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
