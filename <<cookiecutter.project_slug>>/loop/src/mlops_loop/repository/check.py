"""What a check of the repository's settings is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlops_loop.github.api import Method, operation
from mlops_loop.repository.github_state import RepositoryState


@dataclass(frozen=True)
class Missing:
    """What a setting is instead of what it should be, as a clause.

    command: what helps here, where that of the check does not. is_optional: nothing depends on it,
    although the check is required.
    """

    reason: str
    command: str = ""
    is_optional: bool = False


@dataclass(frozen=True)
class Call:
    """A request that sets something; harden shows it before it is sent."""

    method: Method[Any]
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{operation(self.method)} {json.dumps(self.arguments)}"


@dataclass(frozen=True)
class Check:
    """A setting of the repository.

    inspect: gives Missing, or None where the setting is right. calls: the requests that set it,
    None where only a person can, with `command` or on the `page`. loss: what happens without it.
    `required=True`: the loop depends on it; the others are optional. admin: only administrators
    may see it. `for_owners=True`: only owners of the organization may, so that it is no failure
    when it is unseen.
    """

    name: str
    loss: str
    page: str
    inspect: Callable[[RepositoryState], Missing | None]
    calls: Callable[[RepositoryState], list[Call]] | None = None
    required: bool = True
    admin: bool = False
    for_owners: bool = False
    command: str = ""


def missing_if(is_missing: bool, reason: str) -> Missing | None:
    """Missing for that reason, or None."""
    return Missing(reason) if is_missing else None
