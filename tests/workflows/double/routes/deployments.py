"""Deployments, their statuses, and the Pages site."""

from typing import Any

from .. import identity
from ..calls import API, Answer, Refused
from ..store import Row, public
from . import Asked, route


@route("repos/create-deployment", "deployments: write")
def create_deployment(asked: Asked) -> Row:
    """Refuse (409) a commit whose checks did not pass, unless told which are required."""
    body, sha = asked.json, asked.store.sha(asked.json["ref"], status=422)
    states = asked.store.all("statuses", **{"~sha": sha})
    states = [row["state"] for row in states]
    checks = asked.store.all("checks", head_sha=sha)
    states += [{"success": "success"}.get(row["conclusion"], "pending") for row in checks]
    if body.get("required_contexts") is None and set(states) - {"success"}:
        raise Refused(409, f"Conflict: Commit status checks failed for {body['ref']}.")
    known = ("ref", "task", "environment", "payload", "description")
    known += ("transient_environment", "production_environment")
    given = {"environment": "production", "task": "deploy"}
    given |= {name: body[name] for name in known if name in body}
    given = {"payload": {}, "description": None, "production_environment": False} | given
    row = asked.store.new("repos/create-deployment", sha=sha, creator=asked.user, **given)
    row["original_environment"] = row["environment"]
    return asked.store.add("deployments", row["id"], row)


@route("repos/list-deployments", "deployments: read")
def list_deployments(asked: Asked) -> list[Row]:
    """Filter by sha, ref, task and environment."""
    where = {name: asked.query.get(name) for name in ("sha", "ref", "task", "environment")}
    return asked.store.all("deployments", **where)


@route("repos/get-deployment", "deployments: read")
def get_deployment(asked: Asked) -> Row:
    """Show a deployment."""
    return asked.store.get("deployments", asked.at["deployment_id"])


def add_status(asked: Asked, deployment: Row, **given: Any) -> Row:
    """Keep a status of a deployment."""
    given = {"description": "", "target_url": "", "log_url": "", "environment_url": ""} | given
    given.setdefault("environment", deployment["environment"])
    row = asked.store.new("repos/create-deployment-status", creator=asked.user, **given)
    row["deployment_url"], row["url"] = (
        deployment["url"],
        f"{deployment['statuses_url']}/{row['id']}",
    )
    kept = row | {"~deployment": deployment["id"]}
    asked.store.add("deployment statuses", row["id"], kept)
    return row


@route("repos/create-deployment-status", "deployments: write")
def create_deployment_status(asked: Asked) -> Row:
    """Let a success make earlier deployments to the same environment inactive, as GitHub does."""
    deployment, body = get_deployment(asked), asked.json
    inactive = body.pop("auto_inactive", True) and body["state"] == "success"
    for other in asked.store.all("deployments", environment=deployment["environment"]):
        shown = statuses(asked, other)[:1]
        past = shown and shown[0]["state"] == "success" and other["id"] != deployment["id"]
        spared = other["production_environment"] or other["transient_environment"]
        if inactive and past and not spared:
            add_status(asked, other, state="inactive")
    return add_status(asked, deployment, **body)


def statuses(asked: Asked, deployment: Row) -> list[Row]:
    """Return the statuses of a deployment, the newest first."""
    rows = asked.store.all("deployment statuses", **{"~deployment": deployment["id"]})
    return [public(row) for row in rows]


@route("repos/list-deployment-statuses", "deployments: read")
def list_deployment_statuses(asked: Asked) -> list[Row]:
    """List the statuses of a deployment."""
    return statuses(asked, get_deployment(asked))


@route("repos/get-pages", "pages: read")
def get_pages(asked: Asked) -> Row:
    """Show the site, which exists once it was created."""
    return asked.store.get("pages", "site")


@route("repos/create-pages-site", "pages: write & administration: write")
def create_pages(asked: Asked) -> Row:
    """Create the site; a job's token may not, which actions/configure-pages says too."""
    if asked.store.rows["pages"]:
        raise Refused(409, "GitHub Pages is already enabled.")
    row = asked.store.new(
        "repos/create-pages-site", cname=None, public=not asked.settings["private"]
    )
    row |= {"build_type": asked.json.get("build_type", "legacy"), "status": None}
    owner, _, name = asked.store.repository.partition("/")
    row["html_url"] = f"https://{owner}.github.io/{name}/"
    row["url"] = f"{asked.store.url}{API}/repos/{asked.store.repository}/pages"
    return asked.store.add("pages", "site", row)


# What the real API answers, as issues of actions/deploy-pages quote it (22, 108, 372): no page of
# the documentation has it.
NO_ENVIRONMENT = "Missing environment. Ensure your workflow's deployment job has an environment."
OTHER_BRANCH = (
    "Invalid deployment branch and no branch protection rules set in the environment. Deployments "
    "are only allowed from {}"
)
IN_PROGRESS = (
    "Deployment request failed for {} due to in progress deployment. Please cancel {} first or "
    "wait for it to complete."
)
PENDING = ("deployment_in_progress", "syncing_files", "updating_pages", "deployment_attempt_error")


@route("repos/create-pages-deployment", "pages: write")
def create_pages_deployment(asked: Asked) -> Row:
    """Refuse what no job of an environment, with id-token: write, can have sent; one at a time."""
    site, sent = get_pages(asked), asked.json
    claims = identity.verified(sent["oidc_token"])
    if not claims or claims["repository"] != asked.store.repository:
        raise Refused(400, "Invalid OIDC token")
    if not claims.get("environment"):
        raise Refused(400, NO_ENVIRONMENT)
    branch = site["source"]["branch"]
    if site["build_type"] == "legacy" and claims["ref"] != f"refs/heads/{branch}":
        raise Refused(400, OTHER_BRANCH.format(branch))
    version = sent["pages_build_version"]
    for other in asked.store.all("pages deployments"):
        if other["status"] in PENDING:
            raise Refused(400, IN_PROGRESS.format(version, other["pages_build_version"]))
    row = asked.store.new("repos/create-pages-deployment", id=version)
    status = asked.settings.get("pages status", "succeed")
    # One commit may be published again: the newest deployment of it is the one that is shown.
    asked.store.rows["pages deployments"].pop(version, None)
    kept = sent | {"claims": claims, "status": status}
    asked.store.add("pages deployments", version, kept)
    url = f"{site['url']}/deployments/{version}"
    return row | {"status_url": url, "page_url": site["html_url"]}


@route("repos/get-pages-deployment", "pages: read")
def get_pages_deployment(asked: Asked) -> Answer:
    """Say how far it is: as the scenario wants, at once."""
    row = asked.store.get("pages deployments", asked.at["pages_deployment_id"])
    return Answer(200, {"status": row["status"]})
