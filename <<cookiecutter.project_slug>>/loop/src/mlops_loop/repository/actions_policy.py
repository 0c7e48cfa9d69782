"""Checks of what GitHub Actions may run here, and with which rights."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlops_loop.repository.check import Call, Missing, missing_if
from mlops_loop.repository.github_state import RepositoryState

USES = re.compile(r"uses:\s*([\w.-]+/[\w./-]+)@(\S+)")
COMMIT = re.compile(r"[0-9a-f]{40}")
OWN = ("actions/", "github/")  # whose actions GitHub calls its own
SWITCHED_OFF = ("disabled_inactivity", "disabled_fork")  # by GitHub; a person's choice stays


def used_actions() -> set[str]:
    """Patterns for the actions of others that the workflows of this folder use."""
    return {f"{name}@*" for name, _ in _uses() if not name.startswith(OWN)}


def movable_actions() -> set[str]:
    """The actions that the workflows of this folder use by another name than a commit's."""
    return {f"{name}@{ref}" for name, ref in _uses() if not COMMIT.fullmatch(ref)}


def _uses() -> set[tuple[str, str]]:
    """Name and ref of each action, but for those of this repository, which every policy allows."""
    files = [*Path(".github").rglob("*.yml"), *Path(".github").rglob("*.yaml")]
    return {found for file in files for found in USES.findall(file.read_text("utf-8"))}


def disabled(state: RepositoryState) -> Missing | None:
    """Where workflows do not run at all."""
    return missing_if(not state.actions_policy.get("enabled"), "switched off")


def refused_actions(state: RepositoryState) -> Missing | None:
    """Where an action that a workflow uses may not run."""
    return _refusal(state.actions_policy, state.allowed_actions, state.is_private)


def refused_by_organization(state: RepositoryState) -> Missing | None:
    """Where the organization does not let workflows run here, or not with their actions."""
    if not (policy := state.organization_policy):
        return None
    refusal = _refusal(policy, state.organization_actions, state.is_private)
    if not _has_actions(state):
        refusal = Missing("Actions is not switched on for this repository")
    page = f"{state.server}/organizations/{state.owner}/settings/actions"
    return replace(refusal, command=f"ask an owner: {page}") if refusal else None


def _has_actions(state: RepositoryState) -> bool:
    """Whether the organization lets workflows run in this repository."""
    if (enabled := state.organization_policy["enabled_repositories"]) != "selected":
        return bool(enabled == "all")
    method = state.rest.actions.list_selected_repositories_enabled_github_actions_organization
    return state.full_name in {row["full_name"] for row in state.list_all(method, org=state.owner)}


def _refusal(policy: dict[str, Any], selected: dict[str, Any], is_private: bool) -> Missing | None:
    """What a policy refuses to the workflows of this folder."""
    reasons = []
    if refused := _refused(policy.get("allowed_actions"), selected, is_private):
        reasons.append(f"not allowed: {', '.join(sorted(refused))}")
    if policy.get("sha_pinning_required") and (movable := movable_actions()):
        reasons.append(f"not pinned to a commit: {', '.join(sorted(movable))}")
    return missing_if(bool(reasons), "; ".join(reasons))


def _refused(allowed: str | None, selected: dict[str, Any], is_private: bool) -> set[str]:
    if allowed == "all":
        return set()
    patterns = [] if is_private else selected.get("patterns_allowed") or []
    refused = {n for n in used_actions() if not any(fnmatchcase(n, p) for p in patterns)}
    if allowed != "selected" or not selected.get("github_owned_allowed"):
        refused |= {f"{name}*" for name in OWN}
    return refused


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
