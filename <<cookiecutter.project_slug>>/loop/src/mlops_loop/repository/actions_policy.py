"""Checks of what GitHub Actions may run here, and with which rights."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlops_loop.repository.check import Call, Missing, missing_if
from mlops_loop.repository.github_state import RepositoryState

USES = re.compile(r"uses:\s*([\w.-]+/[\w./-]+)@")
OWN = ("actions/", "github/")  # whose actions GitHub calls its own
SWITCHED_OFF = ("disabled_inactivity", "disabled_fork")  # by GitHub; a person's choice stays


def used_actions() -> set[str]:
    """Patterns for the actions of others that the workflows of this folder use."""
    files = [*Path(".github").rglob("*.yml"), *Path(".github").rglob("*.yaml")]
    names = {name for file in files for name in USES.findall(file.read_text("utf-8"))}
    return {f"{name}@*" for name in names if not name.startswith(OWN)}


def disabled(state: RepositoryState) -> Missing | None:
    """Where workflows do not run at all."""
    return missing_if(not state.actions_policy.get("enabled"), "switched off")


def refused_actions(state: RepositoryState) -> Missing | None:
    """Where an action that a workflow uses may not run."""
    policy, selected = state.actions_policy.get("allowed_actions"), state.allowed_actions
    if policy == "all":
        return None
    patterns = [] if state.is_private else selected.get("patterns_allowed") or []
    refused = {n for n in used_actions() if not any(fnmatchcase(n, p) for p in patterns)}
    if policy != "selected" or not selected.get("github_owned_allowed"):
        refused |= {f"{name}*" for name in OWN}
    return missing_if(bool(refused), f"not allowed: {', '.join(sorted(refused))}")


def unused_actions(state: RepositoryState) -> Missing | None:
    """Where actions may run that no workflow uses, or by a tag that can be moved."""
    policy, problems = state.actions_policy, []
    if not state.is_private and policy.get("allowed_actions") == "all":
        problems.append("any action may run")
    if not policy.get("sha_pinning_required"):
        problems.append("also by a tag that moves")
    return missing_if(bool(problems), " and ".join(problems))


def restrict_actions(state: RepositoryState) -> list[Call]:
    """GitHub heeds the list of selected actions in public repositories only."""
    actions, kind = state.rest.actions, "all" if state.is_private else "selected"
    general = {"enabled": True, "allowed_actions": kind, "sha_pinning_required": True}
    calls = [Call(actions.set_github_actions_permissions_repository, general)]
    if not state.is_private:
        calls.append(Call(actions.set_allowed_actions_repository, _selection(state)))
    return calls


def _selection(state: RepositoryState) -> dict[str, Any]:
    """What was allowed before stays so."""
    names = used_actions().union(state.allowed_actions.get("patterns_allowed") or ())
    verified = bool(state.allowed_actions.get("verified_allowed"))
    return {
        "github_owned_allowed": True,
        "patterns_allowed": sorted(names),
        "verified_allowed": verified,
    }


def token_rights(state: RepositoryState) -> Missing | None:
    """Where a job's token may write although the job does not ask for it."""
    method = state.rest.actions.get_github_actions_default_workflow_permissions_repository
    level = state.call(method)["default_workflow_permissions"]
    return missing_if(level != "read", f"it may {level}")


def restrict_token(state: RepositoryState) -> list[Call]:
    """Read is the default."""
    method = state.rest.actions.set_github_actions_default_workflow_permissions_repository
    return [Call(method, {"default_workflow_permissions": "read"})]


def idle_workflows(state: RepositoryState) -> Missing | None:
    """Where GitHub switched a workflow off."""
    idle = _idle(state)
    return missing_if(bool(idle), ", ".join(row["path"] for row in idle))


def enable_workflows(state: RepositoryState) -> list[Call]:
    """One call for each workflow that GitHub switched off."""
    method = state.rest.actions.enable_workflow
    return [Call(method, {"workflow_id": row["id"]}) for row in _idle(state)]


def _idle(state: RepositoryState) -> list[dict[str, Any]]:
    rows = state.list_all(state.rest.actions.list_repo_workflows)
    return [row for row in rows if row["state"] in SWITCHED_OFF]
