"""What the schedule checks, and what follows: issues, and the workflow `retrain`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.markdown import escape
from mlops_loop.monitoring import retrain
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.registry import ledger

LABEL = "monitor"
FOLDER = ".github/workflows/"


@dataclass(frozen=True)
class Finding:
    """The result of one check; "unknown" where it cannot tell."""

    status: Literal["ok", "unknown", "alarm"]
    message: str


@dataclass(frozen=True)
class Response:
    """What followed from the findings.

    alarms: names of the checks. obstacle: why no retraining was started; None where one was, and
    where there is no alarm.
    """

    alarms: tuple[str, ...]
    obstacle: retrain.Obstacle | None = None


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


def evaluate(repo: Path, config: MonitorConfig, now: datetime) -> dict[str, Finding]:
    """All findings by the name of their check."""
    return {"staleness": staleness(repo, config, now)}


def act(
    repo: Path,
    findings: Mapping[str, Finding],
    config: MonitorConfig,
    repository: Repository,
    now: datetime,
) -> Response:
    """Keep one open issue for each alarm, close those that are over, and start retraining.

    Raises GitHubRefused.
    """
    for name, finding in findings.items():
        _update_issue(repository, name, finding)
    alarms = tuple(name for name, finding in findings.items() if finding.status == "alarm")
    if not alarms:
        return Response(alarms)
    obstacle = retrain.obstacle(repo, config.retrain, repository, now)
    if not obstacle:
        _start_retraining(repository, f"monitor: {', '.join(alarms)}")
    return Response(alarms, obstacle)


def _update_issue(repository: Repository, name: str, finding: Finding) -> None:
    if finding.status == "alarm":
        text = f"{escape(finding.message)}\n\nThe monitor closes this issue when the alarm is over."
        issues.open_or_update(repository, LABEL, name, f"Alarm: {name}", text)
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
