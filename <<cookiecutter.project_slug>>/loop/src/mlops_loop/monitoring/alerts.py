"""What the schedule looks at, and what it does about it: issues, and the workflow `retrain`."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.markdown import escape
from mlops_loop.monitoring import retrain
from mlops_loop.monitoring.config import Policy
from mlops_loop.registry import ledger

LABEL = "monitor"
FOLDER = ".github/workflows/"
Finding = dict[str, Any]  # of a problem: status (ok, alarm, unknown), and the sentence `told`


def staleness(repo: Path, rules: Policy, now: datetime) -> Finding:
    """Whether the model in production is old. A new image of it makes it no younger."""
    entries = ledger.read(repo)
    if not (held := entries.current()):
        return {"status": "unknown", "told": "Nothing is in production yet."}
    since = datetime.fromisoformat(entries.find(held.version).time)
    end = since + timedelta(days=rules.stale_days)
    told = f"{held.version}, registered {since:%Y-%m-%d}, is"
    if now < end:
        return {"status": "ok", "told": f"{told} not stale before {end:%Y-%m-%d}."}
    return {"status": "alarm", "told": f"{told} older than stale_days = {rules.stale_days:g}."}


def evaluate(repo: Path, rules: Policy, now: datetime) -> dict[str, Finding]:
    """All findings by problem."""
    return {"staleness": staleness(repo, rules, now)}


def act(
    repo: Path, findings: dict[str, Finding], rules: Policy, repository: Repository, now: datetime
) -> str:
    """One open issue for each alarm, none for what is well again; then retrain, where it may."""
    for problem, finding in findings.items():
        if finding["status"] == "alarm":
            text = f"{escape(finding['told'])}\n\nClosed by itself when that is over."
            issues.open_or_update(repository, LABEL, problem, f"Alarm: {problem}", text)
        elif finding["status"] == "ok":
            issues.close(repository, issues.find(repository, LABEL, problem), finding["told"])
    alarms = [problem for problem, finding in findings.items() if finding["status"] == "alarm"]
    if not alarms:
        return "No alarm, nothing to do."
    if reason := retrain.obstacle(repo, rules.retrain, repository, now):
        return f"Alarm: {', '.join(alarms)}. Not retrained: {reason}"
    call = {"workflow_id": "retrain.yml", "ref": os.environ.get("GITHUB_REF_NAME") or "main"}
    inputs = {"reason": f"monitor: {', '.join(alarms)}"}
    dispatch = repository.rest.actions.create_workflow_dispatch
    repository.call(dispatch, idempotent=True, inputs=inputs, **call)
    return f"Alarm: {', '.join(alarms)}. Dispatched retrain."


def keep_alive(repository: Repository) -> str:
    """Begin anew the 60 idle days after which GitHub switches schedules off.

    What a person switched off stays off.
    """
    names, actions = [], repository.rest.actions
    for row in repository.list_all(actions.list_repo_workflows):
        if row["path"].startswith(FOLDER) and row["state"] in ("active", "disabled_inactivity"):
            repository.call(actions.enable_workflow, workflow_id=row["id"])
            names.append(row["path"].removeprefix(FOLDER))
    return f"Kept alive: {', '.join(names)}"
