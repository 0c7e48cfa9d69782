"""Retraining by a schedule: whether it may, whether it led to something new, and the proposal.

A model that passes the gate is proposed on a branch `retrain/DAY-BUNDLE`, with an issue whose link
opens the pull request. One that does not pass is told in one issue for all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from mlops_loop import git
from mlops_loop.errors import UsageError
from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.markdown import escape
from mlops_loop.model.bundle import Bundle
from mlops_loop.monitoring.config import Retrain
from mlops_loop.paths import SOURCE_STATE
from mlops_loop.registry import ledger

LABEL, REFUSED, PROPOSED = "retrain", "retrain-refused", "retrained"
BRANCH = re.compile(r"refs/heads/(retrain/(\d{4}-\d\d-\d\d)-(\w+))")


def obstacle(repo: Path, rules: Retrain, repository: Repository, now: datetime) -> str:
    """Why no model may be trained now, as a sentence; empty where one may."""
    held = ledger.read(repo).current()
    if held and held.note.get("hold"):
        told = f"{held.version} is held in production by {held.note['who']}: {held.note['why']!r}"
        return f"{told}. Next: registry assign {held.version} --lift-hold --why REASON --push"
    refused = issues.find(repository, LABEL, REFUSED)
    if refused and (count := len(issues.own_comments(repository, refused))) >= rules.refusals:
        told = f"{count} retrained models in a row were refused, see {refused['html_url']}"
        return f"{told}. Next: look why, then close that issue"
    last = max(_proposals(repository), default=None)
    if last and now < (end := last + timedelta(days=rules.cool_down_days)):
        told = f"The last proposal is of {last:%Y-%m-%d}, and retraining cools down until"
        return f"{told} {end:%Y-%m-%d %H:%M} UTC (retrain.cool_down_days in monitor.yaml)"
    return ""


def _branches(repository: Repository) -> Iterator[re.Match[str]]:
    for row in repository.call(repository.rest.git.list_matching_refs, ref="heads/retrain/"):
        if found := BRANCH.fullmatch(row["ref"]):
            yield found


def _proposals(repository: Repository) -> Iterator[datetime]:
    """When models were proposed: by their branches, and by issues where these are gone."""
    for branch in _branches(repository):
        yield datetime.fromisoformat(f"{branch[2]}T00:00:00+00:00")
    for issue in issues.list_own(repository, LABEL, f"{PROPOSED}-", "all"):
        yield datetime.fromisoformat(issue["created_at"])


def nothing_new(repo: Path, bundle: Bundle) -> str:
    """Why there is nothing to propose, as a sentence; empty where there is."""
    entries = ledger.read(repo)
    now = entries.current()
    if now and entries.find(now.version).note.get("bundle_id") == bundle.id:
        return f"Nothing new: training leads to the model of {now.version}, which is in production."
    if not git.run(repo, "status", "--porcelain", "--", "dvc.lock", str(SOURCE_STATE)).stdout:
        return f"Nothing new: training leads to {bundle.id}, which dvc.lock names already."
    return ""


def propose(
    repo: Path, bundle: Bundle, verdict: dict[str, Any], repository: Repository, now: datetime
) -> str:
    """Push the branch and open the issue, once for each model; or tell that it was refused.

    Raises UsageError where the gate has not judged this model, GitHubRefused and
    StoreUnreachable where GitHub does not answer.
    """
    if verdict.get("challenger") != bundle.id:
        raise UsageError(f"The gate has not judged {bundle.id}. Next: gate")
    refused = issues.find(repository, LABEL, REFUSED)
    if verdict["decision"] != "PROMOTE":
        return _refuse(bundle, verdict, repository)
    issues.close(repository, refused, f"{bundle.id} passed the gate.")
    branch = next((b[1] for b in _branches(repository) if b[3] == bundle.id), None)
    if not branch:
        branch = f"retrain/{now:%Y-%m-%d}-{bundle.id}"
        _commit(repo, bundle)
        git.push_branch(repo, branch)
    return _tell(branch, bundle, verdict, repository)


def _commit(repo: Path, bundle: Bundle) -> None:
    """Commit what names data and model; nothing else that lies in the work tree."""
    paths = [name for name in ("dvc.lock", str(SOURCE_STATE)) if (repo / name).exists()]
    git.run(repo, "add", "--", *paths)
    told = f"Retrain: {bundle.id}"
    if (done := git.run(repo, "commit", "--quiet", "--message", told, "--", *paths)).returncode:
        raise UsageError(f"git commit: {' '.join((done.stdout + done.stderr).split())}")


def _tell(branch: str, bundle: Bundle, verdict: dict[str, Any], repository: Repository) -> str:
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
    if "/compare/" not in issue["body"]:  # it holds the number of the issue
        text = f"{issue['body']}\n\n**[Open the pull request]({_link(branch, issue)})**"
        repository.call(repository.rest.issues.update, issue_number=issue["number"], body=text)
    for older in known:
        if older["number"] < issue["number"] and older["state"] == "open":
            issues.close(repository, older, f"Newer data led to #{issue['number']}.")
    return f"{branch} is proposed in {issue['html_url']}"


def _link(branch: str, issue: dict[str, Any]) -> str:
    base = os.environ.get("GITHUB_REF_NAME") or "main"
    body = f"Closes #{issue['number']}"
    query = urlencode({"expand": 1, "title": f"Retrain: {branch}", "body": body})
    return f"{issues.repository_url()}/compare/{base}...{branch}?{query}"


def _refuse(bundle: Bundle, verdict: dict[str, Any], repository: Repository) -> str:
    decision = verdict["decision"]
    text = (
        f"The model `{bundle.id}`, trained by {issues.this_run()}, may not ship. The gate says "
        f"{escape(decision)}: {escape(verdict['summary'])}"
    )
    title = "Retrained models are refused"
    issue = issues.open_or_update(repository, LABEL, REFUSED, title, text, bundle.id)
    return f"{bundle.id} is refused ({decision}), as {issue['html_url']} tells"


def today() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
