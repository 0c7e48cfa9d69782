"""Pull requests; what their branches hold is read from the origin."""

from typing import Any

from ..calls import Refused
from ..store import Row, Store, now, public
from . import Asked, route
from .issues import add_issue, labels

STATUS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "T": "changed"}


def add_pull(
    store: Store, title: str, login: str, head: str, base: str = "main", **more: Any
) -> Row:
    """Keep a pull request, and the issue that it also is.

    `sha` and `base_sha` in more are for branches that the origin does not have; `fork` names the
    repository that the head is in.
    """
    fork, wanted = more.pop("fork", None), more.pop("number", None)
    shas = {"head": more.pop("sha", None), "base": more.pop("base_sha", None)}
    more["labels"] = labels(store, more.get("labels") or [])
    names = [label["name"] for label in more["labels"]]
    issue = add_issue(store, title, login, wanted, labels=names, body=more.get("body"))
    number = issue["number"]
    row = store.new("pulls/get", number=number, title=title, user=store.user(login), state="open")
    issue["pull_request"] = {
        name: row[name] for name in ("url", "html_url", "diff_url", "patch_url")
    }
    row |= {"body": None, "merged": False, "merged_at": None, "merged_by": None, "draft": False}
    row |= {"closed_at": None, "requested_teams": [], "milestone": None, "~sha": shas} | more
    for side, ref in (("head", head), ("base", base)):
        owner = (fork if fork and side == "head" else store.repository).split("/")[0]
        row[side] |= {"ref": ref, "label": f"{owner}:{ref}"}
        if fork and side == "head":
            row[side]["repo"] = row[side]["repo"] | {"full_name": fork, "fork": True}
    return store.add("pulls", number, row)


def shown(store: Store, row: Row) -> Row:
    """Return a pull request with the commits where its branches are now, and its issue's labels."""
    return (
        public(row)
        | {"labels": store.get("issues", row["number"])["labels"]}
        | {
            side: row[side] | {"sha": row["~sha"][side] or store.sha(row[side]["ref"])}
            for side in ("head", "base")
        }
    )


def short(store: Store, row: Row) -> Row:
    """Return the form that lists hold."""
    known = store.new("pulls/list").keys()
    return {name: value for name, value in shown(store, row).items() if name in known}


@route("pulls/list", "pull-requests: read")
def list_pulls(asked: Asked) -> list[Row]:
    """Filter by state, head and base."""
    state, query = asked.query.get("state", "open"), asked.query
    rows = asked.store.all("pulls", state=None if state == "all" else state)
    rows = [row for row in rows if query.get("head") in (None, row["head"]["label"])]
    rows = [row for row in rows if query.get("base") in (None, row["base"]["ref"])]
    return [short(asked.store, row) for row in rows]


@route("pulls/get", "pull-requests: read")
def get_pull(asked: Asked) -> Row:
    """Show a pull request."""
    return shown(asked.store, asked.store.get("pulls", asked.at["pull_number"]))


@route("pulls/create", "pull-requests: write")
def create_pull(asked: Asked) -> Row:
    """Refuse a workflow unless the repository's settings allow it."""
    if not asked.token.person and not asked.settings["can_approve_pull_request_reviews"]:
        raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
    body = asked.json
    asked.store.sha(body["head"].split(":")[-1], status=422)
    rest = {name: body[name] for name in ("body", "draft") if name in body}
    title, login = body["title"], asked.user["login"]
    row = add_pull(asked.store, title, login, body["head"].split(":")[-1], body["base"], **rest)
    return shown(asked.store, row)


@route("pulls/update", "pull-requests: write")
def update_pull(asked: Asked) -> Row:
    """Change text and state."""
    row = asked.store.get("pulls", asked.at["pull_number"])
    row |= {k: asked.json[k] for k in ("title", "body", "state") if k in asked.json}
    row["updated_at"] = now()
    issue = asked.store.get("issues", row["number"])
    issue |= {name: row[name] for name in ("title", "body", "state")}
    return shown(asked.store, row)


@route("pulls/list-files", "pull-requests: read")
def list_files(asked: Asked) -> list[Row]:
    """Ask git what the head changes since it left its base."""
    pull = get_pull(asked)
    return changed_files(asked.store, pull["base"]["sha"], pull["head"]["sha"])


def changed_files(store: Store, base: str, head: str) -> list[Row]:
    """Return what changed from where two commits parted to the second one."""
    told = store.git(
        "diff", "--no-renames", "--raw", "--no-abbrev", "--numstat", f"{base}...{head}"
    )
    lines = told.splitlines()
    counts = {line.split("\t")[2]: line.split("\t")[:2] for line in lines if line[0] != ":"}
    found = [line[1:].replace("\t", " ", 1).split(" ", 5) for line in lines if line[0] == ":"]
    rows = []
    for _, _, _, blob, status, name in found:
        plus, minus = (int(text) if text.isdigit() else 0 for text in counts[name])
        row = store.new("pulls/list-files", sha=blob, filename=name, status=STATUS[status[0]])
        rows.append(row | {"additions": plus, "deletions": minus, "changes": plus + minus})
    return rows


@route("repos/list-pull-requests-associated-with-commit", "pull-requests: read")
def pulls_of_commit(asked: Asked) -> list[Row]:
    """List those whose head is this commit, or that were merged as it."""
    shas = (asked.at["commit_sha"],)
    rows = [(row, shown(asked.store, row)) for row in asked.store.all("pulls")]
    found = [row for row, seen in rows if {seen["head"]["sha"], row["merge_commit_sha"]} & {*shas}]
    return [short(asked.store, row) for row in found]
