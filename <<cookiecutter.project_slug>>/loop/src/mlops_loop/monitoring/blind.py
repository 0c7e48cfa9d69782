"""Looks that could not tell how production does: after some days in a row, one issue says so.

The workflow leaves an artifact at each look that could tell. So how long nobody knows is known from
GitHub alone, also while the store is away, which has the history of days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.issues import Issue
from mlops_loop.github.markdown import escape
from mlops_loop.monitoring import runbook
from mlops_loop.monitoring.cause_issues import LABEL
from mlops_loop.monitoring.report import Finding

ARTIFACT = "monitor-verdict"  # of .github/workflows/monitor.yml
PROBLEM, TITLE = "no-verdict", "Alarm: no verdict"
# A registry or an endpoint may be away for a night, and a new version has few rows on its first
# day: both are over before anybody could act.
MOST_DAYS = 3
KEPT_DAYS = 14  # for so long the workflow keeps an artifact
ON_ROWS = ("traffic", "model")  # findings that need rows, in the order in which reasons count


def can_tell(findings: Mapping[str, Finding]) -> bool:
    """Whether a look has a verdict about the model in production."""
    return "model" in findings and findings["model"].status != "unknown"


def update_issue(
    repository: Repository, findings: Mapping[str, Finding], since: datetime, now: datetime
) -> Issue | None:
    """Keep the issue where no look could tell for MOST_DAYS, and close it at one that can.

    since: when the version in production was put there; before that there was nothing to tell.
    Raises GitHubRefused.
    """
    if can_tell(findings):
        issues.close(repository, issues.find(repository, LABEL, PROBLEM), _message(findings))
        return None
    last = max([since, now - timedelta(days=KEPT_DAYS), *_looks(repository)])
    if (days := (now.date() - last.date()).days) < MOST_DAYS:
        return None
    text = _text(_message(findings), days)
    return issues.open_or_edit(repository, LABEL, PROBLEM, TITLE, text)


def _looks(repository: Repository) -> list[datetime]:
    """When looks could tell, as long as GitHub keeps what they left."""
    method = repository.rest.actions.list_artifacts_for_repo
    rows = repository.list_all(method, name=ARTIFACT)
    return [datetime.fromisoformat(row["created_at"]) for row in rows]


def _message(findings: Mapping[str, Finding]) -> str:
    known = [findings[name] for name in ON_ROWS if name in findings]
    return next((f.message for f in known if f.status == "unknown"), known[-1].message)


def _text(reason: str, days: int) -> str:
    more = " or more" * (days >= KEPT_DAYS)
    return (
        f"For {days} days{more} no look could tell how the model in production does:\n\n"
        f"> {escape(reason)}\n\nUntil one can, nobody is told of broken data, drift or harm. Next: "
        "`loop store pull` and `loop monitor evaluate` on a laptop, which give the same reason; "
        f"then {runbook.section(PROBLEM)}.\n\nThe monitor edits this issue daily, and closes it "
        "when it can tell again."
    )
