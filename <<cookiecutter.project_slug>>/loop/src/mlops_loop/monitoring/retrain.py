"""Retraining on a schedule: whether it is allowed, whether the model is new, and the proposal.

A model that passes the gate is proposed on a branch `retrain/DAY-BUNDLE`, with an issue whose link
opens the pull request. All models that do not pass are reported in one issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_loop import git, workflow_files
from mlops_loop.errors import UsageError
from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.markdown import escape
from mlops_loop.model.bundle import Bundle
from mlops_loop.monitoring import cause_issues
from mlops_loop.monitoring.config import RetrainConfig
from mlops_loop.paths import SOURCE_STATE
from mlops_loop.registry import ledger

LABEL, REFUSED, PROPOSED = "retrain", "retrain-refused", "retrained"
BRANCH = re.compile(r"refs/heads/(retrain/(\d{4}-\d\d-\d\d)-(\w+))")


@dataclass(frozen=True)
class Held:
    """`version` is held in production: by whom, and why."""

    version: str
    who: str
    why: str


@dataclass(frozen=True)
class TooManyRefusals:
    """So many retrained models in a row did not pass the gate; the issue lists them."""

    count: int
    issue_url: str


@dataclass(frozen=True)
class CoolingDown:
    """A model was proposed on `last`, and none may be trained before `until`."""

    last: datetime
    until: datetime


@dataclass(frozen=True)
class Broken:
    """The monitor found broken data: a model would learn them. The issue says which."""

    issue_url: str


Obstacle = Held | TooManyRefusals | CoolingDown | Broken


@dataclass(frozen=True)
class KnownModel:
    """Training led to a known model: `version` is in production; None: dvc.lock names it."""

    bundle_id: str
    version: str | None = None


@dataclass(frozen=True)
class Proposal:
    """A retrained model and the issue about it; `branch` is None where the gate refused it."""

    bundle_id: str
    decision: str
    issue_url: str
    branch: str | None = None


def obstacle(
    repo: Path, config: RetrainConfig, repository: Repository, now: datetime
) -> Obstacle | None:
    """Why no model may be trained now; None where one may. Raises GitHubRefused."""
    return (
        _hold(repo)
        or _broken(repository)
        or _refusals(repository, config.refusals)
        or _cool_down(repository, config, now)
    )


def _hold(repo: Path) -> Held | None:
    current = ledger.read(repo).current()
    if not current or not current.held:
        return None
    return Held(current.version, current.note["who"], current.note["why"])


def _broken(repository: Repository) -> Broken | None:
    issue = cause_issues.blocking(repository)
    return Broken(issue["html_url"]) if issue else None


def _refusals(repository: Repository, allowed: int) -> TooManyRefusals | None:
    issue = issues.find(repository, LABEL, REFUSED)
    if not issue or (count := len(issues.own_comments(repository, issue))) < allowed:
        return None
    return TooManyRefusals(count, issue["html_url"])


def _cool_down(repository: Repository, config: RetrainConfig, now: datetime) -> CoolingDown | None:
    last = max(_proposals(repository), default=None)
    if not last or now >= (until := last + timedelta(days=config.cool_down_days)):
        return None
    return CoolingDown(last, until)


def _branches(repository: Repository) -> Iterator[re.Match[str]]:
    for row in repository.call(repository.rest.git.list_matching_refs, ref="heads/retrain/"):
        if match := BRANCH.fullmatch(row["ref"]):
            yield match


def _proposals(repository: Repository) -> Iterator[datetime]:
    """When models were proposed, by their branches, and by their issues where a branch is gone."""
    for branch in _branches(repository):
        with suppress(ValueError):  # a branch of someone's own, as retrain/2026-02-30-mine
            yield datetime.fromisoformat(f"{branch[2]}T00:00:00+00:00")
    for issue in issues.list_own(repository, LABEL, f"{PROPOSED}-", "all"):
        yield datetime.fromisoformat(issue["created_at"])


def nothing_new(repo: Path, bundle: Bundle) -> KnownModel | None:
    """The known model that training led to; None where there is a new one to propose."""
    entries = ledger.read(repo)
    now = entries.current()
    if now and entries.find(now.version).bundle_id == bundle.id:
        return KnownModel(bundle.id, now.version)
    if not git.run(repo, "status", "--porcelain", "--", "dvc.lock", str(SOURCE_STATE)).stdout:
        return KnownModel(bundle.id)
    return None


def propose(
    repo: Path, bundle: Bundle, verdict: dict[str, Any], repository: Repository, now: datetime
) -> Proposal:
    """Push the branch and open the issue, once for each model; or report that it was refused.

    Raises UsageError where the gate has not judged this model, GitHubRefused and
    StoreUnreachable where GitHub does not answer.
    """
    if verdict.get("challenger") != bundle.id:
        raise UsageError(f"The gate has not judged {bundle.id}. Next: loop gate")
    refused = issues.find(repository, LABEL, REFUSED)
    if verdict["decision"] != "PROMOTE":
        issue = _report_refusal(bundle, verdict, repository)
        return Proposal(bundle.id, verdict["decision"], issue["html_url"])
    issues.close(repository, refused, f"{bundle.id} passed the gate.")
    branch = next((b[1] for b in _branches(repository) if b[3] == bundle.id), None)
    if not branch:
        branch = f"retrain/{now:%Y-%m-%d}-{bundle.id}"
        _commit(repo, bundle)
        git.push_branch(repo, workflow_files.pushable(repo, "HEAD"), branch)
    issue = _report_proposal(branch, bundle, verdict, repository)
    return Proposal(bundle.id, verdict["decision"], issue["html_url"], branch)


def _commit(repo: Path, bundle: Bundle) -> None:
    """Commit the files that name data and model, and no other change of the work tree."""
    paths = [name for name in ("dvc.lock", str(SOURCE_STATE)) if (repo / name).exists()]
    git.run(repo, "add", "--", *paths)
    message = f"Retrain: {bundle.id}"
    done = git.run(repo, "commit", "--quiet", "--message", message, "--", *paths)
    if done.returncode:
        raise UsageError(f"git commit: {' '.join((done.stdout + done.stderr).split())}")


def _report_proposal(
    branch: str, bundle: Bundle, verdict: dict[str, Any], repository: Repository
) -> issues.Issue:
    """One issue for the model, which links to its pull request; older ones are closed."""
    problem = f"{PROPOSED}-{bundle.id}"
    known = list(issues.list_own(repository, LABEL, f"{PROPOSED}-", "all"))
    issue = next((i for i in known if i["body"].startswith(f"<!-- {problem}: ")), None)
    if not issue:
        text = (
            f"New data led to the model `{bundle.id}`, and the gate says PROMOTE: "
            f"{escape(verdict['summary'])}\n\nTrained by {issues.this_run()}"
        )
        title = f"A retrained model waits for review: {bundle.id}"
        issue = issues.open_or_update(repository, LABEL, problem, title, text)
    issues.add_link(repository, issue, branch, f"Retrain: {branch}")
    for older in known:
        if older["number"] < issue["number"] and older["state"] == "open":
            issues.close(repository, older, f"Newer data led to #{issue['number']}.")
    return issue


def _report_refusal(
    bundle: Bundle, verdict: dict[str, Any], repository: Repository
) -> issues.Issue:
    text = (
        f"The model `{bundle.id}`, trained by {issues.this_run()}, may not ship. The gate says "
        f"{escape(verdict['decision'])}: {escape(verdict['summary'])}"
    )
    title = "Retrained models are refused"
    return issues.open_or_update(repository, LABEL, REFUSED, title, text, bundle.id)


def today() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
