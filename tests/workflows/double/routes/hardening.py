"""Settings that make a repository safe: actions, secrets' names, deployments' branches, alerts."""

from ..calls import Refused
from ..store import Row, Store, now
from . import Asked, route
from .settings import minimal


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


# Secrets by what they are for: their names are listed, never their values.


def add_secret(store: Store, name: str, of: str) -> None:
    """Keep the name of a secret."""
    row = {"name": name.upper(), "created_at": now(), "updated_at": now()}
    if of == "dependabot of the organization":
        url = f"{store.url}/api/v3/orgs/{store.repository.split('/')[0]}/dependabot/secrets/{name}"
        row |= {"visibility": "selected", "selected_repositories_url": f"{url}/repositories"}
    store.add(f"secrets of {of}", row["name"], row)


def _secrets(asked: Asked, of: str) -> Row:
    rows = asked.store.all(f"secrets of {of}")
    return {"total_count": len(rows), "secrets": rows}


@route("actions/list-repo-secrets", "secrets: read")
def list_secrets(asked: Asked) -> Row:
    """List those of the repository."""
    return _secrets(asked, "actions")


@route("actions/list-repo-organization-secrets", "secrets: read")
def list_owners_secrets(asked: Asked) -> Row:
    """List those that the organization gives to this repository."""
    return _secrets(asked, "the organization")


@route("actions/list-environment-secrets", "environments: read")
def list_environment_secrets(asked: Asked) -> Row:
    """List those of an environment, which must be there."""
    asked.store.get("environments", asked.at["environment_name"])
    return _secrets(asked, f"environment {asked.at['environment_name']}")


@route("dependabot/list-repo-secrets", "dependabot-secrets: read")
def list_dependabot_secrets(asked: Asked) -> Row:
    """List those that runs of Dependabot get."""
    return _secrets(asked, "dependabot")


@route("dependabot/list-org-secrets", "organization-dependabot-secrets: read")
def list_owners_dependabot_secrets(asked: Asked) -> Row:
    """List those of the organization."""
    _check_organization(asked)
    return _secrets(asked, "dependabot of the organization")


@route("dependabot/list-selected-repos-for-org-secret", "organization-dependabot-secrets: read")
def list_repositories_of_secret(asked: Asked) -> Row:
    """List this repository: the scenario gives the organization's secrets to it."""
    _check_organization(asked)
    return {"total_count": 1, "repositories": [minimal(asked.store)]}


def _check_organization(asked: Asked) -> None:
    if asked.settings["owner"] != "Organization":
        raise Refused(404, "Not Found")


# What the organization lets Actions do, see `organization policy` among the settings.


@route("actions/get-github-actions-permissions-organization", "organization-administration: read")
def get_policy(asked: Asked) -> Row:
    """Tell where workflows run, and with which actions."""
    _check_organization(asked)
    policy = asked.settings.get("organization policy", {})
    everything = {"enabled_repositories": "all", "allowed_actions": "all"}
    return everything | {name: policy[name] for name in policy.keys() - {"selected"}}


@route("actions/get-allowed-actions-organization", "organization-administration: read")
def get_policy_actions(asked: Asked) -> Row:
    """Tell which actions may run; a conflict where the policy is not to select."""
    if get_policy(asked)["allowed_actions"] != "selected":
        raise Refused(409, "The organization's policy does not allow selected actions")
    return asked.settings["organization policy"]["selected"]


@route(
    "actions/list-selected-repositories-enabled-github-actions-organization",
    "organization-administration: read",
)
def list_policy_repositories(asked: Asked) -> Row:
    """List no repository: this one is not among those that were selected."""
    if get_policy(asked)["enabled_repositories"] != "selected":
        raise Refused(409, "The organization's policy does not select repositories")
    return {"total_count": 0, "repositories": []}


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
