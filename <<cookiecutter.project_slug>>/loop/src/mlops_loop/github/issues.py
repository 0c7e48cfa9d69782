"""Issues of our own: one for each problem, found by a hidden mark, closed when the problem is gone.

The first line of each text is `<!-- PROBLEM: KEY -->`. A text whose key is there already is not
posted again, so a command may run twice. Marks in what others wrote do not count.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from mlops_loop.github.api import Repository

Issue = Mapping[str, Any]  # as GitHub gives it


def list_own(
    repository: Repository, label: str, problem: str, state: str = "open"
) -> Iterator[Issue]:
    """Our issues whose problem begins with `problem`, the newest first."""
    method = repository.rest.issues.list_for_repo
    for issue in repository.list_all(method, state=state, labels=label):
        if _is_own(repository, issue) and issue["body"].startswith(f"<!-- {problem}"):
            yield issue


def find(repository: Repository, label: str, problem: str) -> Issue | None:
    """The open issue about a problem."""
    return next(list_own(repository, label, f"{problem}: "), None)


def open_or_update(
    repository: Repository, label: str, problem: str, title: str, text: str, key: str = ""
) -> Issue:
    """Open the issue about a problem, or add what is new as a comment to the open one.

    Two texts of one `key` count as the same; without a key, only equal texts do.
    """
    mark = f"<!-- {problem}: {key or hashlib.sha256(text.encode()).hexdigest()[:12]} -->"
    body, methods = f"{mark}\n{text}", repository.rest.issues
    if not (issue := find(repository, label, problem)):
        return repository.call(methods.create, title=title, body=body, labels=[label])
    if not any(comment.startswith(mark) for comment in own_comments(repository, issue)):
        repository.call(methods.create_comment, issue_number=issue["number"], body=body)
    return issue


def open_or_edit(repository: Repository, label: str, problem: str, title: str, text: str) -> Issue:
    """Open the issue about a problem, or put the new text in the place of its old one."""
    body, methods = f"<!-- {problem}: -->\n{text}", repository.rest.issues
    if not (issue := find(repository, label, problem)):
        return repository.call(methods.create, title=title, body=body, labels=[label])
    if issue["body"] != body:
        repository.call(methods.update, issue_number=issue["number"], body=body)
    return issue


def own_comments(repository: Repository, issue: Issue) -> list[str]:
    """What we wrote in an issue, its first text included, the oldest first."""
    method = repository.rest.issues.list_comments
    comments = repository.list_all(method, issue_number=issue["number"])
    return [text["body"] for text in [issue, *comments] if _is_own(repository, text)]


def close(repository: Repository, issue: Issue | None, why: str) -> None:
    """Close an issue, if there is one, with `why` as the last comment."""
    if issue:
        number, methods = issue["number"], repository.rest.issues
        repository.call(methods.create_comment, issue_number=number, body=why)
        repository.call(methods.update, issue_number=number, state="closed")


def this_run(env: Mapping[str, str] = os.environ) -> str:
    """The address of the workflow's run; empty on a laptop."""
    number = env.get("GITHUB_RUN_ID")
    return f"{repository_url(env)}/actions/runs/{number}" if number else ""


def repository_url(env: Mapping[str, str] = os.environ) -> str:
    """The repository's page."""
    server = env.get("GITHUB_SERVER_URL") or "https://github.com"
    return f"{server}/{Repository(env).name}"


def compare_link(branch: str, title: str, issue: Issue, env: Mapping[str, str] = os.environ) -> str:
    """The page on which a person opens the pull request of a branch, which closes the issue."""
    base = env.get("GITHUB_REF_NAME") or "main"
    body = f"Closes #{issue['number']}"
    query = urlencode({"expand": 1, "title": title, "body": body})
    return f"{repository_url(env)}/compare/{base}...{branch}?{query}"


def add_link(repository: Repository, issue: Issue, branch: str, title: str) -> None:
    """Add the link to the pull request, once; it holds the number of the issue."""
    if "/compare/" not in issue["body"]:
        link = compare_link(branch, title, issue)
        text = f"{issue['body']}\n\n**[Open the pull request]({link})**"
        repository.call(repository.rest.issues.update, issue_number=issue["number"], body=text)


def _is_own(repository: Repository, text: Mapping[str, Any]) -> bool:
    """Whether an issue or a comment has a text, and this account wrote it."""
    login = (text.get("user") or {}).get("login")
    return bool(text.get("body")) and login == repository.own_login()
