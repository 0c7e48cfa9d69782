"""The endpoint in production: does it run a new image, and does it answer correctly?"""

from __future__ import annotations

import time

from mlops_loop.deployment import smoke
from mlops_loop.deployment.client import Client
from mlops_loop.deployment.smoke import SmokeResult
from mlops_loop.errors import SmokeFailed
from mlops_loop.model.bundle import Bundle

POLL_S, IN_A_ROW = 2.0, 20


def verify(url: str, bundle: Bundle, digest: str, timeout_s: float) -> SmokeResult:
    """Wait until the endpoint runs this image, then ask it the golden rows.

    Raises SmokeFailed where it does not run it within `timeout_s`, where its host refused the
    image, and where an answer is wrong.
    """
    url = url.rstrip("/")
    _wait_for_image(url, f"bundle {bundle.id}, image {digest}", digest, timeout_s)
    return smoke.smoke(url, bundle, timeout_s)


def _wait_for_image(url: str, expected: str, digest: str, timeout_s: float) -> None:
    """Until the endpoint reports this image many times in a row: two answer during a swap."""
    deadline, in_a_row = time.monotonic() + timeout_s, 0
    while in_a_row < IN_A_ROW:
        reported = _reported(url, digest)
        in_a_row = in_a_row + 1 if reported == expected else 0
        if time.monotonic() > deadline:
            raise SmokeFailed(
                f"{url}/version: {reported}; expected within {timeout_s:g} s: {expected}."
            )
        time.sleep(0 if in_a_row else POLL_S)


def _reported(url: str, digest: str) -> str:
    """Bundle and image that the endpoint reports, or why it does not answer."""
    try:
        version = Client(url).ask("/version")
    except SmokeFailed as error:
        return str(error)
    if digest in (note := version.get("deploy_note") or ""):
        raise SmokeFailed(f"The host of {url} refused the image: {note!r}.")
    # A host that does not know its image's digest reports none.
    return f"bundle {version.get('bundle')}, image {version.get('image_digest') or digest}"
