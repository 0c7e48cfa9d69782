"""The report as the one comment of a pull request, kept up to date in place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_loop.errors import GitHubRefused, UsageError
from mlops_loop.github import markers
from mlops_loop.github.api import Repository, event
from mlops_loop.github.trigger import is_read_only

LONGEST = 65_536  # characters that GitHub takes


@dataclass(frozen=True)
class Posted:
    """What was done, and the comment's address; empty where nothing could be posted."""

    action: Literal["created", "updated", "unchanged", "read-only"]
    url: str = ""


def post(file: Path, number: int | None, env: Mapping[str, str] = os.environ) -> Posted:
    """Post `file` to a pull request, by default to the one of the event.

    A comment of ours that begins with the marker is replaced. Where the event's token can only
    read (a fork, Dependabot) nothing is posted. Raises UsageError and GitHubRefused.
    """
    cause = event(env)
    pull = cause.get("pull_request") or {}
    number = number or pull.get("number")
    if not number:
        raise UsageError("Which pull request? No event names one. Next: comment FILE --pr NUMBER")
    body = _body(file)
    try:
        return _create_or_update(Repository(env), number, body)
    except GitHubRefused as error:
        if error.status != 403 or not is_read_only(cause):
            raise
        return Posted("read-only")


def _body(file: Path) -> str:
    if not file.exists():
        raise UsageError(f"{file} is missing. Next: make report")
    text = file.read_text("utf-8").strip()
    body = text if text.startswith(markers.REPORT) else f"{markers.REPORT}\n{text}"
    if len(body) > LONGEST:
        raise UsageError(f"{file} has {len(body):,} characters, and GitHub takes {LONGEST:,}.")
    return body


def _create_or_update(repository: Repository, number: int, body: str) -> Posted:
    issues = repository.rest.issues
    comment = _own_comment(repository, number)
    if not comment:
        made = repository.call(issues.create_comment, issue_number=number, body=body)
        return Posted("created", made["html_url"])
    if comment["body"].strip().replace("\r\n", "\n") == body:
        return Posted("unchanged", comment["html_url"])
    made = repository.call(issues.update_comment, comment_id=comment["id"], body=body)
    return Posted("updated", made["html_url"])


def _own_comment(repository: Repository, number: int) -> dict[str, Any] | None:
    """The report that an earlier run posted; a copy that somebody else posted is not ours."""
    for comment in repository.list_all(repository.rest.issues.list_comments, issue_number=number):
        text, user = (comment.get("body") or "").strip(), comment.get("user") or {}
        if text.startswith(markers.REPORT) and user.get("login") == repository.own_login():
            return comment
    return None
