"""Workflows and their runs: a dispatch is checked against the workflow's own file."""

from typing import Any

import yaml

from ..calls import Answer, Refused
from ..store import Row, Store
from . import Asked, route

FOLDER = ".github/workflows"


def workflows(store: Store) -> list[Row]:
    """Return a row for each workflow on the default branch, whose state is remembered."""
    names = store.git("ls-tree", "--name-only", "HEAD", f"{FOLDER}/").splitlines()
    known = store.rows["workflows"]
    for path in names:
        name = path.rpartition("/")[2]
        if name not in known:
            title = definition(store, name, "HEAD").get("name", path)
            row = store.new("actions/list-repo-workflows", name=title, path=path, state="active")
            store.add("workflows", name, row)
    return [known[path.rpartition("/")[2]] for path in names]


def definition(store: Store, name: str, ref: str) -> dict[Any, Any]:
    """Return a workflow's file at a branch or tag."""
    return yaml.safe_load(store.git("show", f"{ref}:{FOLDER}/{name}")) or {}


def workflow(asked: Asked) -> tuple[str, Row]:
    """Return the file's name and the row of the workflow that was asked for, by name or id."""
    wanted = asked.at["workflow_id"]
    for row in workflows(asked.store):
        name = row["path"].rpartition("/")[2]
        if wanted in (name, str(row["id"])):
            return name, row
    raise Refused(404, "Not Found")


def add_run(store: Store, name: str, event: str, ref: str = "main", **more: Any) -> Row:
    """Keep a run of a workflow file: status, conclusion, head_sha ... in more."""
    row = store.new("actions/list-workflow-runs-for-repo", head_branch=ref, event=event)
    row |= {"path": f"{FOLDER}/{name}", "status": "queued", "conclusion": None}
    row |= {"workflow_id": store.rows["workflows"].get(name, row).get("id"), "pull_requests": []}
    return store.add("runs", row["id"], row | more)


def add_artifact(store: Store, name: str, size: int, **more: Any) -> Row:
    """Keep what a run uploaded, by its name; created_at ... in more."""
    row = store.new("actions/list-artifacts-for-repo", name=name, size_in_bytes=size)
    return store.add("artifacts", row["id"], row | {"expired": False} | more)


def inputs_of(asked: Asked, name: str) -> dict[str, Any]:
    """Return the inputs of a dispatch with defaults; Refused (422) where GitHub would refuse."""
    events = definition(asked.store, name, asked.json["ref"])
    events = events.get("on", events.get(True))  # YAML 1.1 reads `on` as true
    events = events if isinstance(events, dict) else dict.fromkeys([events, *(events or ())])
    if "workflow_dispatch" not in events:
        raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
    known = (events["workflow_dispatch"] or {}).get("inputs") or {}
    given = asked.json.get("inputs") or {}
    if unexpected := sorted(given.keys() - known):
        raise Refused(422, f"Unexpected inputs provided: {unexpected}")
    for key, one in known.items():
        if one.get("required") and "default" not in one and not given.get(key):
            raise Refused(422, f"Required input '{key}' not provided")
        if one.get("type") == "choice" and given.get(key, one["options"][0]) not in one["options"]:
            raise Refused(422, f"Provided value '{given[key]}' for input '{key}' not in the list")
    defaults = {key: one["default"] for key, one in known.items() if "default" in one}
    return defaults | given


@route("actions/list-repo-workflows", "actions: read")
def list_workflows(asked: Asked) -> Row:
    """List the workflows of the default branch."""
    rows = workflows(asked.store)
    return {"total_count": len(rows), "workflows": rows}


@route("actions/get-workflow", "actions: read")
def get_workflow(asked: Asked) -> Row:
    """Show a workflow."""
    return workflow(asked)[1]


@route("actions/enable-workflow", "actions: write")
def enable_workflow(asked: Asked) -> None:
    """Switch a workflow on."""
    workflow(asked)[1]["state"] = "active"


@route("actions/disable-workflow", "actions: write")
def disable_workflow(asked: Asked) -> None:
    """Switch a workflow off."""
    workflow(asked)[1]["state"] = "disabled_manually"


@route("actions/create-workflow-dispatch", "actions: write")
def dispatch(asked: Asked) -> Answer:
    """Queue a run, which is also kept as a row of `dispatches` with its inputs."""
    name, row = workflow(asked)
    ref = asked.json["ref"].removeprefix("refs/heads/")
    sha = asked.store.sha(ref, status=422)
    given = inputs_of(asked, name)
    if row["state"] != "active":
        raise Refused(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    run = add_run(asked.store, name, "workflow_dispatch", ref, head_sha=sha, actor=asked.user)
    kept = {"workflow": name, "ref": ref, "inputs": given, "job": asked.token.job}
    asked.store.add("dispatches", run["id"], kept)
    if asked.json.get("return_run_details"):
        told = {"run_url": run["url"], "html_url": run["html_url"]}
        return Answer(200, {"workflow_run_id": run["id"]} | told)
    return Answer(204)


def runs(asked: Asked, **where: Any) -> Row:
    """Return the runs that match, the newest first."""
    query = asked.query
    rows = asked.store.all(
        "runs", event=query.get("event"), head_sha=query.get("head_sha"), **where
    )
    branch, status = query.get("branch"), query.get("status")
    rows = [row for row in rows if branch in (None, row["head_branch"])]
    rows = [row for row in rows if status in (None, row["status"], row["conclusion"])]
    return {"total_count": len(rows), "workflow_runs": rows}


@route("actions/list-workflow-runs-for-repo", "actions: read")
def list_runs(asked: Asked) -> Row:
    """List all runs."""
    return runs(asked)


@route("actions/list-workflow-runs", "actions: read")
def list_runs_of_workflow(asked: Asked) -> Row:
    """List the runs of one workflow."""
    return runs(asked, path=f"{FOLDER}/{workflow(asked)[0]}")


@route("actions/get-workflow-run", "actions: read")
def get_run(asked: Asked) -> Row:
    """Show a run."""
    return asked.store.get("runs", asked.at["run_id"])


@route("actions/list-artifacts-for-repo", "actions: read")
def list_artifacts(asked: Asked) -> Row:
    """List the artifacts of all runs, or those of a name, the newest first."""
    rows = asked.store.all("artifacts", name=asked.query.get("name"))
    return {"total_count": len(rows), "artifacts": rows}


@route("repos/create-dispatch-event", "contents: write")
def dispatch_event(asked: Asked) -> None:
    """Queue a run of each workflow on the default branch that takes an event of this type."""
    kind, payload = asked.json["event_type"], asked.json.get("client_payload", {})
    if len(payload) > 10:
        raise Refused(422, "No more than 10 properties are allowed; client_payload has more")
    for row in workflows(asked.store):
        name = row["path"].rpartition("/")[2]
        events = definition(asked.store, name, "HEAD")
        events = events.get("on", events.get(True))
        if isinstance(events, dict) and kind in events.get("repository_dispatch", {}).get(
            "types", []
        ):
            run = add_run(asked.store, name, "repository_dispatch", actor=asked.user)
            asked.store.add("events", run["id"], {"workflow": name, "client_payload": payload})
