"""Checks of the environment production: who may deploy, and who is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlops_loop.repository.check import Call, Missing, missing_if
from mlops_loop.repository.github_state import RepositoryState

PRODUCTION = {"environment_name": "production"}


def deploying_branches(state: RepositoryState) -> Missing | None:
    """Where another branch than main may deploy."""
    if not state.production:
        return Missing("there is no environment production yet")
    policy = state.production.get("deployment_branch_policy") or {}
    if not policy.get("custom_branch_policies"):
        return missing_if(not policy.get("protected_branches"), "any branch may deploy")
    rows = state.list_all(state.rest.repos.list_deployment_branch_policies, **PRODUCTION)
    names = sorted({row["name"] for row in rows})
    return missing_if(names != ["main"], f"these may deploy: {', '.join(names) or 'none'}")


def restrict_to_main(state: RepositoryState) -> list[Call]:
    """Create the environment or change it; nothing where a person chose its branches."""
    environment = state.production
    if (environment.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
        return []
    policy = {"protected_branches": False, "custom_branch_policies": True}
    # GitHub removes each protection of an environment that a change does not repeat.
    kept = _protection(environment.get("protection_rules") or ())
    change = {**PRODUCTION, "deployment_branch_policy": policy, **kept}
    repos = state.rest.repos
    return [
        Call(repos.create_or_update_environment, change),
        Call(repos.create_deployment_branch_policy, {**PRODUCTION, "name": "main"}),
    ]


def _protection(rules: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Reviewers and waiting time, as GitHub takes them."""
    kept: dict[str, Any] = {}
    for rule in rules:
        if rule["type"] == "required_reviewers":
            people = rule["reviewers"]
            kept["reviewers"] = [{"type": p["type"], "id": p["reviewer"]["id"]} for p in people]
            kept["prevent_self_review"] = bool(rule.get("prevent_self_review"))
        elif rule["type"] == "wait_timer":
            kept["wait_timer"] = rule["wait_timer"]
    return kept


def reviewers(state: RepositoryState) -> Missing | None:
    """Where nobody must approve a deployment."""
    types = {rule["type"] for rule in state.production.get("protection_rules") or ()}
    plan = ", which only Enterprise has for private repositories" if state.is_private else ""
    return missing_if("required_reviewers" not in types, f"there are no reviewers{plan}")
