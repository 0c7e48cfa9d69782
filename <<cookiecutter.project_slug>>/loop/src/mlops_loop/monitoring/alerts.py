"""What the schedule checks, and what follows: issues, and the workflow `retrain`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.issues import Issue
from mlops_loop.github.markdown import escape
from mlops_loop.monitoring import blind, cause_issues, retrain, runbook
from mlops_loop.monitoring.cause_issues import LABEL, Kept
from mlops_loop.monitoring.checks import Check
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.report import Finding, Report
from mlops_loop.monitoring.webhook import Notice
from mlops_loop.registry import ledger

# Checks whose alarm is an issue of its own; a text that changes daily is posted once.
OPERATIONS = ("staleness", "traffic")
KEYS = {"staleness": "", "traffic": "no-rows"}
FOLDER = ".github/workflows/"


@dataclass(frozen=True)
class Response:
    """What followed from the findings.

    alarms: names of the checks. reasons: of these, those that call for retraining. obstacle: why
    none was started; None where one was, and where there is no reason. issues: about causes.
    """

    alarms: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    obstacle: retrain.Obstacle | None = None
    issues: tuple[Kept, ...] = ()
    no_verdict: str = ""


def staleness(repo: Path, config: MonitorConfig, now: datetime) -> Finding:
    """Whether the model in production is old, by the time of its registration.

    A new image of the same model makes it no younger.
    """
    entries = ledger.read(repo)
    if not (current := entries.current()):
        return Finding("unknown", "Nothing is in production yet.")
    since = datetime.fromisoformat(entries.find(current.version).time)
    end = since + timedelta(days=config.stale_days)
    model = f"{current.version}, registered {since:%Y-%m-%d}, is"
    if now < end:
        return Finding("ok", f"{model} not stale before {end:%Y-%m-%d}.")
    return Finding("alarm", f"{model} older than stale_days = {config.stale_days:g}.")


def act(
    repo: Path, report: Report, config: MonitorConfig, repository: Repository, now: datetime
) -> Response:
    """Keep one open issue for each alarm and each cause, and one where nobody can tell; close those
    that are over, and start retraining where the model is stale or harm is proven.

    Raises GitHubRefused.
    """
    for name in OPERATIONS:
        if finding := report.findings.get(name):
            _update_issue(repository, name, finding)
    kept, no_verdict = _cause_issues(repository, report), ""
    if blind_issue := _blind_issue(repo, report, config, repository, now):
        no_verdict = blind_issue["html_url"]
    alarms = tuple(n for n, found in report.findings.items() if found.status == "alarm")
    reasons = tuple([n for n in alarms if n == "staleness"] + ["harm"] * report.retrain)
    if not reasons:
        return Response(alarms, issues=kept, no_verdict=no_verdict)
    obstacle = retrain.obstacle(repo, config.retrain, repository, now)
    if not obstacle:
        _start_retraining(repository, f"monitor: {', '.join(reasons)}")
    return Response(alarms, reasons, obstacle, kept, no_verdict)


def notices(response: Response) -> list[Notice]:
    """What a chat is told: causes that are new or have grown, each once."""
    return [
        Notice(
            kept.cause.since, kept.cause.verdict, cause_issues.title(kept.cause),
            {check.name: _numbers(check) for check in kept.cause.checks}, kept.url,
            "loop monitor dashboard",
        )
        for kept in response.issues
        if kept.is_new
    ]  # fmt: skip


def _numbers(check: Check) -> dict[str, float]:
    """Of a check, those that it has."""
    numbers = {"now": check.value, "training": check.expected, "smallest shift": check.smallest}
    return {name: value for name, value in numbers.items() if value is not None}


def _cause_issues(repository: Repository, report: Report) -> tuple[Kept, ...]:
    """None are touched where no day was examined: nobody knows whether a cause is over."""
    if not report.date:
        return ()
    day = date.fromisoformat(report.date)
    return cause_issues.update(repository, report.causes, report.bundle_id, day, report.note)


def _blind_issue(
    repo: Path, report: Report, config: MonitorConfig, repository: Repository, now: datetime
) -> Issue | None:
    """Not before the first model, and not where monitor.yaml asks for no rows."""
    entries = ledger.read(repo)
    if not config.traffic or not (current := entries.current()):
        return None
    since = datetime.fromisoformat(entries.find(current.version).time)
    return blind.update_issue(repository, report.findings, since, now)


def _update_issue(repository: Repository, name: str, finding: Finding) -> None:
    if finding.status == "alarm":
        text = (
            f"{escape(finding.message)} See {runbook.section(name)}.\n\n"
            "The monitor closes this issue when the alarm is over."
        )
        issues.open_or_update(repository, LABEL, name, f"Alarm: {name}", text, key=KEYS[name])
    elif finding.status == "ok":
        issues.close(repository, issues.find(repository, LABEL, name), finding.message)


def _start_retraining(repository: Repository, reason: str) -> None:
    dispatch = repository.rest.actions.create_workflow_dispatch
    branch = os.environ.get("GITHUB_REF_NAME") or "main"
    call = {"workflow_id": "retrain.yml", "ref": branch, "inputs": {"reason": reason}}
    repository.call(dispatch, idempotent=True, **call)


def keep_alive(repository: Repository) -> list[str]:
    """Enable the scheduled workflows, which GitHub disables after 60 idle days; their files.

    A workflow that a person disabled stays so. Raises GitHubRefused.
    """
    names, actions = [], repository.rest.actions
    for row in repository.list_all(actions.list_repo_workflows):
        if row["path"].startswith(FOLDER) and row["state"] in ("active", "disabled_inactivity"):
            repository.call(actions.enable_workflow, workflow_id=row["id"])
            names.append(row["path"].removeprefix(FOLDER))
    return names
