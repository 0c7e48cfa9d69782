"""Issues of our own: one for each problem, found again by a hidden mark, closed when it is gone.

The first line of what is written is `<!-- PROBLEM: KEY -->`. What was said with a key is not said
again, so that a command may run twice. Marks in what others wrote do not count.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_loop.github.api import Repository

Issue = dict[str, Any]


def all_of(
    repository: Repository, label: str, problem: str, state: str = "open"
) -> Iterator[Issue]:
    """Our issues whose problem begins with `problem`, the newest first."""
    for issue in repository.all("issues.list_for_repo", state=state, labels=label):
        if _is_own(repository, issue) and issue["body"].startswith(f"<!-- {problem}"):
            yield issue


def find(repository: Repository, label: str, problem: str) -> Issue | None:
    """The open issue about a problem."""
    return next(all_of(repository, label, f"{problem}: "), None)


def keep(
    repository: Repository, label: str, problem: str, title: str, text: str, key: str = ""
) -> Issue:
    """Open the issue about a problem, or say in the open one what is new there."""
    mark = f"<!-- {problem}: {key or hashlib.sha256(text.encode()).hexdigest()[:12]} -->"
    body = f"{mark}\n{text}"
    if not (issue := find(repository, label, problem)):
        return repository.ask("issues.create", title=title, body=body, labels=[label])
    if not any(said.startswith(mark) for said in texts(repository, issue)):
        repository.ask("issues.create_comment", issue_number=issue["number"], body=body)
    return issue


def texts(repository: Repository, issue: Issue) -> list[str]:
    """What we wrote in an issue, the oldest first."""
    comments = repository.all("issues.list_comments", issue_number=issue["number"])
    return [said["body"] for said in [issue, *comments] if _is_own(repository, said)]


def close(repository: Repository, issue: Issue | None, why: str) -> None:
    """Close an issue, where there is one, with a last word."""
    if issue:
        number = issue["number"]
        repository.ask("issues.create_comment", issue_number=number, body=why)
        repository.ask("issues.update", issue_number=number, state="closed")


def this_run(env: Mapping[str, str] = os.environ) -> str:
    """The address of the workflow's run; empty on a laptop."""
    number = env.get("GITHUB_RUN_ID")
    return f"{address(env)}/actions/runs/{number}" if number else ""


def address(env: Mapping[str, str] = os.environ) -> str:
    """The repository's page."""
    server = env.get("GITHUB_SERVER_URL") or "https://github.com"
    return f"{server}/{Repository(env).name}"


def _is_own(repository: Repository, said: dict[str, Any]) -> bool:
    login = (said.get("user") or {}).get("login")
    return bool(said.get("body")) and login == repository.own_login()
