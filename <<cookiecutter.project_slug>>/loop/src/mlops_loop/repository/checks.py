"""One table of what this project needs of its repository on GitHub; doctor and harden read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlops_loop.errors import GitHubRefused
from mlops_loop.repository import rulesets as rules
from mlops_loop.repository.github_state import RepositoryState

Call = tuple[str, dict[str, Any]]
USES = re.compile(r"uses:\s*([\w.-]+/[\w./-]+)@")
OWN = ("actions/", "github/")  # whose actions GitHub calls its own
NOT_SOLD = "Upgrade: GitHub does not sell it for private repositories on this plan"


@dataclass(frozen=True)
class Check:
    """A setting. `wrong` says what is not as it should be, or nothing; `calls` would mend it.

    Without one that `matters`, the loop has a hole; without another it works by its default.
    """

    name: str
    loss: str
    page: str
    wrong: Callable[[RepositoryState], str]
    calls: Callable[[RepositoryState], list[Call]] | None = None
    matters: bool = True
    admin: bool = False
    command: str = ""  # that sets it, where only a person can


def _needed() -> set[str]:
    """Patterns for the actions of others that the workflows of this folder use."""
    files = [*Path(".github").rglob("*.yml"), *Path(".github").rglob("*.yaml")]
    found = {name for file in files for name in USES.findall(file.read_text("utf-8"))}
    return {f"{name}@*" for name in found if not name.startswith(OWN)}


def _unusable(told: RepositoryState) -> str:
    allowed = told.policy.get("allowed_actions")
    if allowed == "all":
        return ""
    given = [] if told.private else told.allowed.get("patterns_allowed") or []
    refused = {n for n in _needed() if not any(fnmatchcase(n, pattern) for pattern in given)}
    own = allowed == "selected" and told.allowed.get("github_owned_allowed")
    refused |= set() if own else {f"{name}*" for name in OWN}
    return f"not allowed: {', '.join(sorted(refused))}" if refused else ""


def _loose(told: RepositoryState) -> str:
    anything = not told.private and told.policy.get("allowed_actions") == "all"
    unpinned = not told.policy.get("sha_pinning_required")
    return " and ".join(["any action may run"] * anything + ["also by a tag that moves"] * unpinned)


def _policy(told: RepositoryState) -> list[Call]:
    """GitHub heeds the list of selected actions in public repositories only."""
    kind = "all" if told.private else "selected"
    general = {"enabled": True, "allowed_actions": kind, "sha_pinning_required": True}
    calls: list[Call] = [("actions.set_github_actions_permissions_repository", general)]
    if not told.private:
        names = _needed().union(told.allowed.get("patterns_allowed") or ())
        selected = {"github_owned_allowed": True, "patterns_allowed": sorted(names)}
        selected["verified_allowed"] = bool(told.allowed.get("verified_allowed"))
        calls.append(("actions.set_allowed_actions_repository", selected))
    return calls


def _token(told: RepositoryState) -> str:
    call = "actions.get_github_actions_default_workflow_permissions_repository"
    level = told.ask(call)["default_workflow_permissions"]
    return "" if level == "read" else f"it may {level}"


def _keep_rules(target: str) -> Callable[[RepositoryState], list[Call]]:
    """Make our ruleset, or bring the one of its name back to what it was."""

    def calls(told: RepositoryState) -> list[Call]:
        ours = rules.RULESETS[target]
        same = [each for each in told.rulesets(target) if each.get("name") == ours["name"]]
        if same:
            return [("repos.update_repo_ruleset", {"ruleset_id": same[0]["id"], **ours})]
        return [("repos.create_repo_ruleset", dict(ours))]

    return calls


def _production(told: RepositoryState) -> dict[str, Any]:
    if told.free:
        raise GitHubRefused(NOT_SOLD, 403)
    return told.ask("repos.get_environment", environment_name="production") or {}


def _branches(told: RepositoryState) -> str:
    if not (found := _production(told)):
        return "there is no environment production yet"
    policy = found.get("deployment_branch_policy") or {}
    if not policy.get("custom_branch_policies"):
        return "" if policy.get("protected_branches") else "any branch may deploy"
    call = {"environment_name": "production"}
    rows = told.all("repos.list_deployment_branch_policies", **call)
    names = {each["name"] for each in rows}
    return "" if names == {"main"} else f"these may deploy: {', '.join(sorted(names)) or 'none'}"


def _only_main(told: RepositoryState) -> list[Call]:
    call, found = {"environment_name": "production"}, _production(told)
    if (found.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
        return []  # a person chose
    policy = {"protected_branches": False, "custom_branch_policies": True}
    first = "repos.create_or_update_environment", call | {"deployment_branch_policy": policy}
    # GitHub takes all protection of an environment away that a change does not name again.
    for rule in found.get("protection_rules") or ():
        if rule["type"] == "required_reviewers":
            people = rule["reviewers"]
            who = [{"type": each["type"], "id": each["reviewer"]["id"]} for each in people]
            first[1]["reviewers"] = who
            first[1]["prevent_self_review"] = bool(rule.get("prevent_self_review"))
        elif rule["type"] == "wait_timer":
            first[1]["wait_timer"] = rule["wait_timer"]
    return [first, ("repos.create_deployment_branch_policy", call | {"name": "main"})]


def _reviewers(told: RepositoryState) -> str:
    found = {rule["type"] for rule in _production(told).get("protection_rules") or ()}
    return "" if "required_reviewers" in found else "nobody is asked"


def _idle(told: RepositoryState) -> list[dict[str, Any]]:
    """Workflows that GitHub switched off, not a person."""
    found = told.all("actions.list_repo_workflows")
    return [each for each in found if each["state"] in ("disabled_inactivity", "disabled_fork")]


def _password(told: RepositoryState) -> str:
    if "STORE_URL" not in told.names("variables") or "STORE_PASSWORD" in told.names("secrets"):
        return ""
    return "STORE_URL names another registry, and there is no secret STORE_PASSWORD"


def _fixes(told: RepositoryState) -> str:
    found = told.ask("repos.check_automated_security_fixes") or {}
    return "" if found.get("enabled") else "switched off"


def _package(told: RepositoryState) -> str:
    owner, image = told.about["owner"], told.about["name"].lower()
    kind = ("organization", "org") if owner["type"] == "Organization" else ("user", "username")
    call = {"package_type": "container", "package_name": image, kind[1]: owner["login"]}
    found = told.ask(f"packages.get_package_for_{kind[0]}", **call)
    if found is None:
        return f"no ghcr.io/{owner['login']}/{image} yet, or this login may not read it"
    linked = (found.get("repository") or {}).get("full_name", "")
    return "" if linked.lower() == told.repository.name.lower() else "it belongs to no repository"


def _variable(name: str, default: str) -> Check:
    def wrong(told: RepositoryState) -> str:
        return "" if name in told.names("variables") else "not set"

    page, command = "settings/variables/actions", f"gh variable set {name} --body ADDRESS"
    return Check(f"Variable {name}", default, page, wrong, matters=False, command=command)


LABEL = {"name": "gate-override", "color": "d93f0b", "description": "Let a HOLD of the gate pass"}
LEVEL = "actions.set_github_actions_default_workflow_permissions_repository"
CHECKS = (
    Check(
        "Workflows run", "nothing is tested, trained or deployed", "settings/actions",
        lambda told: "" if told.policy.get("enabled") else "switched off", _policy, admin=True,
    ),
    Check(
        "The actions that workflows use may run", "a workflow fails as it starts",
        "settings/actions", _unusable, _policy, admin=True,
    ),
    Check(
        "No other actions run, and none unpinned", "foreign code can change between two runs",
        "settings/actions", _loose, _policy, matters=False, admin=True,
    ),
    Check(
        "A job's token reads, unless the job asks for more", "a new job could change anything",
        "settings/actions", _token,
        lambda told: [(LEVEL, {"default_workflow_permissions": "read"})], admin=True,
    ),
    Check(
        "Scheduled workflows are switched on", "nobody watches the model", "actions",
        lambda told: ", ".join(each["path"] for each in _idle(told)),
        lambda told: [("actions.enable_workflow", {"workflow_id": w["id"]}) for w in _idle(told)],
    ),
    Check(
        "The default branch is main", "workflows start on main alone", "settings",
        lambda told: "" if told.about["default_branch"] == "main" else "it has another name",
    ),
    Check(
        "Only what passed its checks reaches main", "an untested model is deployed",
        "settings/rules",
        lambda told: "" if rules.checked(*told.main) else f"{rules.CHECK!r} is not required",
        _keep_rules("branch"),
    ),
    Check(
        "main is never rewritten or deleted", "a version may name a commit that is gone",
        "settings/rules",
        lambda told: "" if rules.lasting(*told.main) else "it may be", _keep_rules("branch"),
    ),
    Check(
        "Tags of the registry are never moved or removed", "what was in production can be forged",
        "settings/rules",
        lambda told: ", ".join(rules.unprotected(told.rulesets("tag"))), _keep_rules("tag"),
    ),
    Check(
        "Only main deploys to production", "a workflow of any branch may deploy",
        "settings/environments", _branches, _only_main, matters=False,
    ),
    Check(
        "A person is asked before production", "the gate alone decides", "settings/environments",
        _reviewers, matters=False,
    ),
    _variable("STORE_URL", "data and models are kept in ghcr.io, or where .dvc/config says"),
    _variable("IMAGE_URL", "images go to ghcr.io"),
    _variable("PRODUCTION_URL", "no endpoint is asked after a deployment"),
    Check(
        "The store's password is known", "jobs cannot read the store", "settings/secrets/actions",
        _password, command="gh secret set STORE_PASSWORD",
    ),
    Check(
        "The image can be read and belongs to this repository", "jobs cannot push it",
        "pkgs/container", _package, matters=False,
    ),
    Check(
        "Label gate-override", "a reviewer cannot let a HOLD pass", "labels",
        lambda told: "there is none" * (told.ask("issues.get_label", name=LABEL["name"]) is None),
        lambda told: [("issues.create_label", dict(LABEL))], matters=False,
    ),
    Check(
        "Known holes in dependencies are reported", "nobody is told of them",
        "settings/security_analysis",
        lambda told: "switched off" * (told.ask("repos.check_vulnerability_alerts") is None),
        lambda told: [("repos.enable_vulnerability_alerts", {})], matters=False, admin=True,
    ),
    Check(
        "Dependabot mends them", "a person must", "settings/security_analysis", _fixes,
        lambda told: [("repos.enable_automated_security_fixes", {})], matters=False, admin=True,
    ),
)  # fmt: skip
