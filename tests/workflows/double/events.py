"""What starts a workflow: GitHub's own examples of events, changed where a scenario needs it."""

import copy
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from . import npm
from .calls import API
from .description import HOST

if TYPE_CHECKING:
    from .service import Double

Payload = dict[str, Any]
DEPENDABOT = "dependabot[bot]"


@cache
def _examples() -> dict[str, list[Payload]]:
    path = npm.modules() / "@octokit/webhooks-examples/api.github.com/index.json"
    return {each["name"]: each["examples"] for each in json.loads(path.read_text("utf-8"))}


def _example(github: "Double", event: str, actor: str, action: str | None = None) -> Payload:
    """Return the newest example of an event, as if it had happened to this repository."""
    found = [each for each in _examples()[event] if action in (None, each.get("action"))]
    found = [each for each in found if each.get("head_commit", True)]  # a push, not a deletion
    found = copy.deepcopy(found[-1])
    for name in ("installation", "organization"):  # a workflow's event has no installation
        found.pop(name, None)
    full, owner = found["repository"]["full_name"], found["repository"]["owner"]["login"]
    new_owner, new_name = github.repository.split("/")
    text = json.dumps(found).replace(full, github.repository)
    text = text.replace(HOST, github.url + API).replace("https://github.com", github.url)
    text = re.sub(rf'"(login|name)": "{re.escape(owner)}"', rf'"\1": "{new_owner}"', text)
    found = json.loads(text)
    private = {"private": github.private, "name": new_name, "default_branch": "main"}
    private["visibility"] = "private" if github.private else "public"
    found["repository"] |= {name: private[name] for name in private.keys() & found["repository"]}
    found["sender"] = _user(found["sender"], actor)
    return found


def _user(example: Payload, login: str) -> Payload:
    text = json.dumps(example).replace(example["login"], login)
    return json.loads(text) | {"type": "Bot" if login.endswith("[bot]") else "User"}


def pull_request(
    github: "Double", number: int, action: str = "opened", actor: str = "", label: str = ""
) -> Payload:
    """Return the event of a pull request that the double knows; `label` for labeled, unlabeled.

    Whether it comes from a fork, and by whom, is what the pull request says.
    """
    row = github.pulls(number)
    login = row["user"]["login"]
    found = _example(github, "pull_request", actor or login, action)
    text = json.dumps(found["pull_request"])
    pull = json.loads(re.sub(rf'/{found["number"]}(?=["/.])', f"/{number}", text))
    same = ("title", "state", "body", "draft", "merged")
    pull |= {name: row[name] for name in same} | {
        "number": number,
        "user": _user(pull["user"], login),
    }
    known = pull["labels"] or _examples_label()
    pull["labels"] = [{name: each[name] for name in known[0]} for each in row["labels"]]
    for side in ("head", "base"):
        pull[side] |= {name: row[side][name] for name in ("ref", "sha", "label")}
        repo = pull[side]["repo"] = copy.deepcopy(found["repository"])
        if (fork := row[side]["repo"]["full_name"]) != github.repository and side == "head":
            repo |= {
                "full_name": fork,
                "fork": True,
                "owner": _user(repo["owner"], fork.split("/")[0]),
            }
    found |= {"action": action, "number": number, "pull_request": pull}
    if label:
        found["label"] = next(each for each in pull["labels"] if each["name"] == label)
    if action == "synchronize":
        found["after"] = row["head"]["sha"]
    return found


def _examples_label() -> list[Payload]:
    return [next(each["label"] for each in _examples()["pull_request"] if "label" in each)]


def merge_group(github: "Double", head_sha: str, base_sha: str, number: int = 7) -> Payload:
    """Return the event of a merge queue that wants the checks of a group."""
    found = _example(github, "merge_group", "github-merge-queue[bot]")
    ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{base_sha}"
    found["merge_group"] |= {"head_sha": head_sha, "head_ref": ref, "base_sha": base_sha}
    found["merge_group"]["head_commit"]["id"] = head_sha
    return found


def push(
    github: "Double", before: str, after: str, ref: str = "refs/heads/main", actor: str = "octocat"
) -> Payload:
    """Return the event of a push; its list of commits is empty."""
    found = _example(github, "push", actor)
    found |= {"ref": ref, "before": before, "after": after, "created": not before.strip("0")}
    found["head_commit"]["id"] = after
    found["pusher"]["name"] = actor
    return found


def workflow_dispatch(
    github: "Double", workflow: str, inputs: dict[str, str] | None = None, actor: str = "octocat"
) -> Payload:
    """Return the event of a dispatch of a workflow's file on main."""
    found = _example(github, "workflow_dispatch", actor)
    path = f".github/workflows/{workflow}"
    return found | {"inputs": inputs or {}, "ref": "refs/heads/main", "workflow": path}


def repository_dispatch(github: "Double", name: str, payload: Payload | None = None) -> Payload:
    """Return the event that another system sends with its own name and payload."""
    found = _example(github, "repository_dispatch", "ada")
    return found | {"action": name, "branch": "main", "client_payload": payload or {}}


def schedule(github: "Double", cron: str) -> Payload:
    """Return a schedule's event: GitHub describes it nowhere, this is what a run shows."""
    found = _example(github, "workflow_dispatch", "octocat")
    return {"schedule": cron, "workflow": None} | {"repository": found["repository"]}
