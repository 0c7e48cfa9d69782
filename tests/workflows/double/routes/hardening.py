"""Settings that make a repository safe: actions, secrets' names, deployments' branches, alerts."""

from ..calls import Refused
from ..store import Row
from . import Asked, route


@route("actions/get-allowed-actions-repository", "administration: read")
def get_allowed(asked: Asked) -> Row:
    """Tell which actions may run; a conflict where that is not asked of the policy."""
    if asked.settings["allowed_actions"] != "selected":
        raise Refused(409, "The repository's policy does not allow selected actions")
    empty = {"github_owned_allowed": False, "verified_allowed": False, "patterns_allowed": []}
    return empty | asked.settings.get("selected_actions", {})


@route("actions/set-allowed-actions-repository", "administration: write")
def set_allowed(asked: Asked) -> None:
    """Keep what is given."""
    asked.settings["selected_actions"] = get_allowed(asked) | asked.json


@route("actions/list-repo-organization-variables", "variables: read")
def list_owners_variables(asked: Asked) -> Row:
    """List the variables that the organization gives to this repository."""
    rows = asked.store.all("variables of the organization")
    return {"total_count": len(rows), "variables": rows}


@route("actions/list-repo-secrets", "secrets: read")
def list_secrets(asked: Asked) -> Row:
    """List names, never values."""
    rows = asked.store.all("secrets")
    return {"total_count": len(rows), "secrets": rows}


@route("actions/list-repo-organization-secrets", "secrets: read")
def list_owners_secrets(asked: Asked) -> Row:
    """List the names of those that the organization gives to this repository."""
    rows = asked.store.all("secrets of the organization")
    return {"total_count": len(rows), "secrets": rows}


@route("repos/list-deployment-branch-policies", "actions: read")
def list_branches(asked: Asked) -> Row:
    """List the patterns of branches that may deploy."""
    rows = asked.store.all(f"branches of {asked.at['environment_name']}")
    return {"total_count": len(rows), "branch_policies": rows}


@route("repos/create-deployment-branch-policy", "administration: write")
def add_branch(asked: Asked) -> Row:
    """Add a pattern, where the environment asks for patterns."""
    name = asked.at["environment_name"]
    environment = asked.store.get("environments", name)
    if not (environment.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
        raise Refused(404, "Not Found")
    kind = {"type": asked.json.get("type", "branch"), "name": asked.json["name"]}
    row = asked.store.new("repos/create-deployment-branch-policy", **kind)
    return asked.store.add(f"branches of {name}", row["id"], row)


@route("repos/check-vulnerability-alerts", "administration: read")
def alerts(asked: Asked) -> None:
    """Say nothing where they are on; 404 where not."""
    if not asked.settings.get("vulnerability_alerts"):
        raise Refused(404, "Vulnerability alerts are disabled.")


@route("repos/enable-vulnerability-alerts", "administration: write")
def enable_alerts(asked: Asked) -> None:
    """Switch them on."""
    asked.settings["vulnerability_alerts"] = True


@route("repos/check-automated-security-fixes", "administration: read")
def fixes(asked: Asked) -> Row:
    """Tell whether Dependabot opens pull requests for known holes."""
    return {"enabled": bool(asked.settings.get("security_fixes")), "paused": False}


@route("repos/enable-automated-security-fixes", "administration: write")
def enable_fixes(asked: Asked) -> None:
    """Refuse without alerts, which they follow."""
    if not asked.settings.get("vulnerability_alerts"):
        raise Refused(422, "Vulnerability alerts must be enabled to configure Dependabot.")
    asked.settings["security_fixes"] = True
