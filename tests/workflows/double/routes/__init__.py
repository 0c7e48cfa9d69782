"""The operations that the double performs, by the name that GitHub gives them, with their rights.

A route takes what was asked and returns the answer's body; the status is the success that the
description names, None is an empty body. `needs` is what GitHub's documentation asks for, see
https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..calls import Request
from ..rights import Token
from ..store import Store


@dataclass(frozen=True)
class Asked:
    """A request that was understood: `at` are the variables of the path."""

    request: Request
    at: dict[str, str]
    token: Token | None
    store: Store
    settings: Any

    @property
    def json(self) -> dict[str, Any]:
        """What was sent."""
        return self.request.json

    @property
    def query(self) -> dict[str, str]:
        """What stands behind the question mark."""
        return self.request.query

    @property
    def user(self) -> dict[str, Any]:
        """Who asks, as GitHub shows it."""
        return self.store.user(self.token.actor if self.token else "ghost")


@dataclass(frozen=True)
class Route:
    """How an operation is answered, and what it needs: a text, or found out from the request."""

    needs: str | Callable[[Asked], str]
    answer: Callable[[Asked], Any]


ROUTES: dict[str, Route] = {}


def route(operation: str, needs: str | Callable[[Asked], str] = "metadata: read"):
    """Enter a function as the answer to one of GitHub's operations."""

    def enter(function: Callable[[Asked], Any]) -> Callable[[Asked], Any]:
        ROUTES[operation] = Route(needs, function)
        return function

    return enter


from . import (  # noqa: E402 - they enter themselves
    actions,  # noqa: F401
    code,  # noqa: F401
    deployments,  # noqa: F401
    hardening,  # noqa: F401
    issues,  # noqa: F401
    packages,  # noqa: F401
    pulls,  # noqa: F401
    releases,  # noqa: F401
    rules,  # noqa: F401
    security,  # noqa: F401
    settings,  # noqa: F401
)
