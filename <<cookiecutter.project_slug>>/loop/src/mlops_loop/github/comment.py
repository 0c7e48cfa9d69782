"""The report as the one comment of a pull request, kept up to date in place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_loop.errors import GitHubRefused, UsageError
from mlops_loop.github.api import Repository, event

MARKER = "<!-- model-report -->"
LONGEST = 65_536  # characters that GitHub takes
READ_ONLY = "dependabot[bot]"


def run(file: Path, number: int | None, env: Mapping[str, str] = os.environ) -> str:
    """Post `file` to a pull request, by default to that of the event; say what was done.

    A comment of ours that begins with MARKER is replaced. Where the event's token can only read (a
    fork, Dependabot) nothing is posted. Raises UsageError and GitHubRefused.
    """
    cause = event(env)
    pull = cause.get("pull_request") or {}
    number = number or pull.get("number")
    if not number:
        raise UsageError("Which pull request? No event names one. Next: comment FILE --pr NUMBER")
    body = _body(file)
    try:
        return _post(Repository(env), number, body)
    except GitHubRefused as error:
        if error.status != 403 or not _read_only(cause, pull):
            raise
        return f"Not posted, for this event may only read: {file} is in the job summary."


def _body(file: Path) -> str:
    if not file.exists():
        raise UsageError(f"{file} is missing. Next: make report")
    text = file.read_text("utf-8").strip()
    body = text if text.startswith(MARKER) else f"{MARKER}\n{text}"
    if len(body) > LONGEST:
        raise UsageError(f"{file} has {len(body):,} characters, and GitHub takes {LONGEST:,}.")
    return body


def _post(repository: Repository, number: int, body: str) -> str:
    for comment in repository.all("issues.list_comments", issue_number=number):
        text, user = (comment.get("body") or "").strip(), comment.get("user") or {}
        if text.startswith(MARKER) and user.get("login") == repository.own_login():
            if text.replace("\r\n", "\n") == body:
                return f"Nothing to do: {comment['html_url']} says it already."
            call = {"comment_id": comment["id"], "body": body}
            return f"Updated {repository.ask('issues.update_comment', **call)['html_url']}"
    made = repository.ask("issues.create_comment", issue_number=number, body=body)
    return f"Posted {made['html_url']}"


def _read_only(cause: dict[str, Any], pull: dict[str, Any]) -> bool:
    """Whether GitHub gives no more than reading to what this event starts."""
    head = ((pull.get("head") or {}).get("repo") or {}).get("full_name")
    own = (cause.get("repository") or {}).get("full_name")
    by_bot = (cause.get("sender") or {}).get("login") == READ_ONLY
    return bool(pull) and (head != own or by_bot)
