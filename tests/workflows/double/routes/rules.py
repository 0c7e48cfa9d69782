"""Rulesets and protected branches; the git server and the routes of refs enforce them."""

from fnmatch import fnmatchcase
from typing import Any

from ..calls import Refused
from ..store import Row, public
from . import Asked, route

# What a rule forbids a job to do with a ref, by the type of the rule.
FORBIDS = {
    "creation": {"create"},
    "update": {"update"},
    "deletion": {"delete"},
    "pull_request": {"update"},
    "required_status_checks": {"update"},
}


def enforce(asked: Asked) -> None:
    """Let the origin follow the active rulesets."""
    for ruleset in asked.store.all("rulesets", enforcement="active"):
        names = ruleset.get("conditions", {}).get("ref_name", {}).get("include", [])
        for pattern in names:
            kind = "tags" if ruleset["target"] == "tag" else "heads"
            ref = {"~DEFAULT_BRANCH": "refs/heads/main", "~ALL": f"refs/{kind}/*"}
            forbidden = set().union(*(FORBIDS.get(r["type"], set()) for r in ruleset["rules"]))
            free = tuple({"create", "update", "delete"} - forbidden)
            asked.store.protected[ref.get(pattern, pattern)] = free


def keep_ruleset(asked: Asked, number: int | None = None) -> Row:
    """Keep a ruleset under its number, a new one without."""
    given = {"target": "branch", "bypass_actors": [], "conditions": {}, "rules": []} | asked.json
    given |= {"source": asked.store.repository} | ({"id": number} if number else {})
    row = asked.store.new("repos/create-repo-ruleset", **given)
    asked.store.add("rulesets", row["id"], row)
    enforce(asked)
    return row


@route("repos/get-repo-rulesets")
def list_rulesets(asked: Asked) -> list[Row]:
    """List them without their rules, as GitHub does."""
    hide = ("rules", "conditions", "bypass_actors")
    rows = asked.store.all("rulesets")
    return [{name: row[name] for name in row.keys() - hide} for row in rows]


@route("repos/get-repo-ruleset")
def get_ruleset(asked: Asked) -> Row:
    """Show a ruleset."""
    return asked.store.get("rulesets", asked.at["ruleset_id"])


@route("repos/create-repo-ruleset", "administration: write")
def create_ruleset(asked: Asked) -> Row:
    """Refuse a name that is taken."""
    if asked.store.all("rulesets", name=asked.json["name"]):
        raise Refused(422, "Validation Failed: Name must be unique")
    return keep_ruleset(asked)


@route("repos/update-repo-ruleset", "administration: write")
def update_ruleset(asked: Asked) -> Row:
    """Put another one in its place."""
    return keep_ruleset(asked, get_ruleset(asked)["id"])


@route("repos/delete-repo-ruleset", "administration: write")
def delete_ruleset(asked: Asked) -> None:
    """Forget a ruleset and what it forbade."""
    asked.store.pop("rulesets", asked.at["ruleset_id"])
    asked.store.protected.clear()
    enforce(asked)


@route("repos/get-branch-rules")
def branch_rules(asked: Asked) -> list[Row]:
    """List the rules that hold for a branch."""
    ref, found = f"refs/heads/{asked.at['branch']}", []
    for ruleset in asked.store.all("rulesets", enforcement="active", target="branch"):
        names = ruleset["conditions"].get("ref_name", {}).get("include", [])
        names = [{"~DEFAULT_BRANCH": "refs/heads/main", "~ALL": "*"}.get(n, n) for n in names]
        more = {"ruleset_id": ruleset["id"], "ruleset_source": asked.store.repository}
        more |= {"ruleset_source_type": "Repository"}
        if any(fnmatchcase(ref, name) for name in names):
            found += [rule | more for rule in ruleset["rules"]]
    return found


@route("repos/get-branch-protection", "administration: read")
def get_protection(asked: Asked) -> Row:
    """Show the protection of a branch, where it has one."""
    if asked.at["branch"] not in asked.store.rows["protections"]:
        raise Refused(404, "Branch not protected")
    return public(asked.store.get("protections", asked.at["branch"]))


@route("repos/update-branch-protection", "administration: write")
def put_protection(asked: Asked) -> Row:
    """Protect a branch from the pushes of jobs; of the details, checks and admins are told."""
    branch, body = asked.at["branch"], asked.json
    asked.store.sha(f"refs/heads/{branch}")
    url = f"{asked.store.url}/api/v3/repos/{asked.store.repository}/branches/{branch}/protection"
    row: dict[str, Any] = {"url": url}
    row["enforce_admins"] = {
        "url": f"{url}/enforce_admins",
        "enabled": bool(body["enforce_admins"]),
    }
    if checks := body["required_status_checks"]:
        base, names = f"{url}/required_status_checks", checks.get("contexts", [])
        found = checks.get("checks") or [{"context": name, "app_id": None} for name in names]
        found = [{"app_id": None} | check for check in found]
        told = {"url": base, "contexts_url": f"{base}/contexts", "strict": checks["strict"]}
        told |= {"checks": found, "contexts": [check["context"] for check in found]}
        row["required_status_checks"] = told
    asked.store.protected[f"refs/heads/{branch}"] = ()
    return asked.store.add("protections", branch, row)
