"""Which pull request is this, is its model the reviewed one, and did a person override HOLD?

A pull request's own event names it, a merge queue's holds its number, and a push to main is looked
up by its commit. The label is read when the job runs, so it also counts when the job runs again.

The report of a pull request ends with a hidden line, the marker. It holds the bundle's id and the
scores of its golden rows.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from mlops_loop import git
from mlops_loop.github import markers
from mlops_loop.github.api import BOT, Repository, event
from mlops_loop.model.bundle import Bundle

LABEL = "gate-override"
REVIEW_MARKER = re.compile(r"<!-- bundle (\{.*?\}) -->")
# https://docs.github.com/webhooks/webhook-events-and-payloads#merge_group
QUEUED = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]+")
Marker = dict[str, Any]  # id of the bundle; scores of the golden rows, as floats or lists of them


@dataclass(frozen=True)
class ModelMatch:
    """A model beside the one that was reported.

    max_difference: of the golden rows' scores; 0 for the same bundle, None where the golden rows
    are not the same.
    """

    bundle: str
    reported: str
    max_difference: float | None

    @property
    def is_same(self) -> bool:
        return self.bundle == self.reported


@dataclass(frozen=True)
class Review:
    """The pull request that this workflow runs for.

    pull: its number, None where the commit came without one. match: None where no model was
    reported. override: whether it has the label that lets HOLD pass. is_open: whether its own
    event started the workflow, so that its report is yet to come.
    """

    pull: int | None = None
    match: ModelMatch | None = None
    override: bool = False
    is_open: bool = False


def compare(bundle: Bundle, reported: Marker) -> ModelMatch:
    """Hold `bundle` against the one that was reported."""
    if reported["id"] == bundle.id:
        return ModelMatch(bundle.id, reported["id"], 0.0)
    now = np.asarray([line["score"] for line in bundle.golden()])
    then = np.asarray(reported["scores"])
    difference = float(np.abs(now - then).max()) if now.shape == then.shape else None
    return ModelMatch(bundle.id, reported["id"], difference)


def check(bundle: Bundle, repository: Repository | None = None) -> Review:
    """Look up the pull request of this event, its report and its labels. Raises GitHubRefused."""
    repository, cause = repository or Repository(), event()
    is_open = "pull_request" in cause
    if not (pull := _pull(repository, cause)):
        return Review()
    reported = None if is_open else _reported(repository, pull["number"])
    return Review(
        pull["number"],
        compare(bundle, reported) if reported else None,
        LABEL in {label["name"] for label in pull["labels"]},
        is_open,
    )


def _pull(repository: Repository, cause: dict[str, Any]) -> dict[str, Any] | None:
    if number := pull_number(cause):
        found: Any = repository.call(repository.rest.pulls.get, pull_number=number)
        return cast(dict[str, Any], found)
    return _merged_pull(repository)


def pull_number(cause: dict[str, Any]) -> int | None:
    """The pull request that an event names; None for one of another kind, as a push.

    A group of a merge queue may hold several: its name has the number of the last one.
    """
    if pull := cause.get("pull_request"):
        return int(pull["number"])
    group = QUEUED.fullmatch((cause.get("merge_group") or {}).get("head_ref", ""))
    return int(group[1]) if group else None


def _merged_pull(repository: Repository) -> dict[str, Any] | None:
    sha = os.environ.get("GITHUB_SHA") or git.run(Path(), "rev-parse", "HEAD").stdout.strip()
    method = repository.rest.repos.list_pull_requests_associated_with_commit
    pulls = repository.list_all(method, commit_sha=sha)
    return next((pull for pull in pulls if pull.get("merged_at")), None)


def _reported(repository: Repository, number: int) -> Marker | None:
    """The marker of the newest report that a workflow posted; a person's copy does not count."""
    newest = None
    for comment in repository.list_all(repository.rest.issues.list_comments, issue_number=number):
        body, author = comment.get("body") or "", (comment.get("user") or {}).get("login")
        if (
            author == BOT
            and body.startswith(markers.REPORT)
            and (match := REVIEW_MARKER.search(body))
        ):
            newest = json.loads(match[1])
    return newest
