"""After a merge: is this the model that was reviewed, and did a person override HOLD?

The report of a pull request ends with a hidden line, the marker. It holds the bundle's id and the
scores of its golden rows.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlops_loop import git
from mlops_loop.github.api import BOT, Repository
from mlops_loop.github.comment import MARKER
from mlops_loop.model.bundle import Bundle

LABEL = "gate-override"
REVIEW_MARKER = re.compile(r"<!-- bundle (\{.*?\}) -->")
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
    """The pull request that led to a commit.

    pull: its number, None where the commit came without one. match: None where no model was
    reported. override: whether it has the label that lets HOLD pass.
    """

    pull: int | None = None
    match: ModelMatch | None = None
    override: bool = False


def marker(bundle: Bundle) -> str:
    """The hidden line: a comment of HTML with no value of the data in it."""
    scores = [line["score"] for line in bundle.golden()]
    facts = {"id": bundle.id, "scores": np.round(scores, 7).tolist()}
    return f"<!-- bundle {json.dumps(facts, separators=(',', ':'))} -->"


def compare(bundle: Bundle, reported: Marker) -> ModelMatch:
    """Hold `bundle` against the one that was reported."""
    if reported["id"] == bundle.id:
        return ModelMatch(bundle.id, reported["id"], 0.0)
    now = np.asarray([line["score"] for line in bundle.golden()])
    then = np.asarray(reported["scores"])
    difference = float(np.abs(now - then).max()) if now.shape == then.shape else None
    return ModelMatch(bundle.id, reported["id"], difference)


def check(bundle: Bundle, repository: Repository | None = None) -> Review:
    """Look up the merged pull request of HEAD, its report and its labels. Raises GitHubRefused."""
    repository = repository or Repository()
    if not (pull := _merged_pull(repository)):
        return Review()
    reported = _reported(repository, pull["number"])
    return Review(
        pull["number"],
        compare(bundle, reported) if reported else None,
        LABEL in {label["name"] for label in pull["labels"]},
    )


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
        if author == BOT and body.startswith(MARKER) and (match := REVIEW_MARKER.search(body)):
            newest = json.loads(match[1])
    return newest
