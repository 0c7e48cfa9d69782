"""What started a run, and why: the reason that a person, or another system, gave with it.

Whoever may start a workflow may write any text there. It is data: one line, of limited length, that
is shown and never run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_loop.errors import UsageError
from mlops_loop.github.markdown import escape
from mlops_loop.text import listed

LONGEST = 200  # characters of a reason
EXAMPLE = (
    "gh api repos/OWNER/NAME/dispatches -f event_type=retrain -f 'client_payload[reason]=TEXT'"
)
BOT = "dependabot[bot]"


def is_read_only(event: Mapping[str, Any]) -> bool:
    """Whether GitHub gives a workflow that this event starts a read-only token and no secrets."""
    pull = event.get("pull_request") or {}
    head = ((pull.get("head") or {}).get("repo") or {}).get("full_name")
    own = (event.get("repository") or {}).get("full_name")
    by_bot = (event.get("sender") or {}).get("login") == BOT
    return bool(pull) and (head != own or by_bot)


def head(event: Mapping[str, Any]) -> str:
    """The newest commit of the event's pull request; empty without one.

    A workflow checks out a merge of it, which nobody can find later.
    """
    return ((event.get("pull_request") or {}).get("head") or {}).get("sha", "")


def reason(event: Mapping[str, Any]) -> str:
    """The reason that an event of `workflow_dispatch` or `repository_dispatch` has, in one line.

    Empty without one. Raises UsageError for a `client_payload` with anything but a short text as
    `reason`.
    """
    if (payload := event.get("client_payload")) is not None:
        _check(payload)
    given = (payload or event.get("inputs") or {}).get("reason") or ""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(given)).split())
    return line.replace("##[", "## [")[:LONGEST]  # a runner obeys ##[COMMAND] within a line


def _check(payload: Any) -> None:
    allowed = f"Allowed is one key, reason, with up to {LONGEST} characters. Next: {EXAMPLE}"
    if not isinstance(payload, dict):
        raise UsageError(f"client_payload is {type(payload).__name__}. {allowed}")
    if unknown := sorted(payload.keys() - {"reason"}):
        raise UsageError(f"client_payload has {listed(unknown, 3)}. {allowed}")
    given = payload.get("reason", "")
    if not isinstance(given, str) or len(given) > LONGEST:
        long = (
            f"a text of {len(given):,} characters" if isinstance(given, str) else repr(given)[:60]
        )
        raise UsageError(f"client_payload has the reason {long}. {allowed}")


def show(event: Mapping[str, Any], env: Mapping[str, str] = os.environ) -> str:
    """The reason for the log, repr'd; in a workflow it is also written to the run's summary.

    Empty without a reason. Raises UsageError as `reason` does.
    """
    if not (given := reason(event)):
        return ""
    if path := env.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(f"Started with the reason: {escape(given, LONGEST)}\n")
    return f"Started with the reason: {given!r}"
