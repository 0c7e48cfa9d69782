"""Web pages of other origins that may read answers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

METHODS = ("GET", "HEAD", "POST")
SENT = ("authorization", "content-encoding", "content-type", "x-api-key", "x-request-id",
        "x-subject-id")  # fmt: skip
READ = ("retry-after", "x-request-id", "x-total-rows")


def allowing(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The app, which tells browsers that pages of these origins, spelled so, may read its answers.

    Without origins it is the app itself. Cookies are never sent: there are none.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=METHODS, allow_headers=SENT, expose_headers=READ
    )
