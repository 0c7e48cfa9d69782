"""Issues, their comments and labels; every pull request is an issue too."""

from collections.abc import Callable
from typing import Any

from ..calls import Refused
from ..store import Row, Store, now, public
from . import Asked, route


def about(level: str) -> Callable[[Asked], str]:
    """Take either grant for what hangs on a pull request, for an issue's only its own."""

    def needs(asked: Asked) -> str:
        rows = asked.store.rows
        if "comment_id" in asked.at:
            number = rows["comments"].get(int(asked.at["comment_id"]), {}).get("~number")
        else:
            number = int(asked.at["issue_number"])
        either = f"pull-requests: {level} | issues: {level}"
        return f"issues: {level}" if number in rows["issues"].keys() - rows["pulls"] else either

    return needs


def labels(store: Store, names: list[Any]) -> list[Row]:
    """Return the labels of these names; as on GitHub, one that is missing comes to be."""
    found = [name["name"] if isinstance(name, dict) else name for name in names]
    return [store.rows["labels"].get(name) or add_label(store, name) for name in found]


def add_label(store: Store, name: str, **changes: Any) -> Row:
    """Keep a new label."""
    changes = {"color": "ededed", "description": None, "default": False} | changes
    row = store.new("issues/create-label", name=name, **changes)
    return store.add("labels", name, row)


def add_issue(store: Store, title: str, login: str, number: int | None = None, **more: Any) -> Row:
    """Keep a new issue."""
    number = store.number(number)
    more["labels"] = labels(store, more.get("labels") or [])
    row = store.new(
        "issues/create", number=number, title=title, user=store.user(login), state="open"
    )
    row |= {"body": None, "assignee": None, "assignees": [], "milestone": None, "comments": 0}
    row |= {"closed_at": None, "closed_by": None, "state_reason": None} | more
    row.pop("pull_request", None)
    return store.add("issues", number, row)


@route("issues/list-for-repo", "issues: read")
def list_issues(asked: Asked) -> list[Row]:
    """Filter by state, labels and creator."""
    state, creator = asked.query.get("state", "open"), asked.query.get("creator")
    wanted = set(filter(None, asked.query.get("labels", "").split(",")))
    rows = asked.store.all("issues", state=None if state == "all" else state)
    rows = [row for row in rows if wanted <= {label["name"] for label in row["labels"]}]
    rows = [row for row in rows if creator in (None, row["user"]["login"])]
    return rows[::-1] if asked.query.get("direction") == "asc" else rows


@route("issues/create", "issues: write")
def create_issue(asked: Asked) -> Row:
    """Open an issue; assignees and milestones are not kept."""
    body, login = asked.json, asked.user["login"]
    return add_issue(
        asked.store,
        str(body["title"]),
        login,
        body=body.get("body"),
        labels=body.get("labels"),
    )


@route("issues/get", about("read"))
def get_issue(asked: Asked) -> Row:
    """Show an issue, or a pull request as one."""
    return asked.store.get("issues", asked.at["issue_number"])


@route("issues/update", about("write"))
def update_issue(asked: Asked) -> Row:
    """Change text, labels and state."""
    row, body = get_issue(asked), asked.json
    row |= {k: body[k] for k in ("title", "body", "state", "state_reason") if k in body}
    if "labels" in body:
        row["labels"] = labels(asked.store, body["labels"])
    row |= {"closed_at": now() if row["state"] == "closed" else None, "updated_at": now()}
    if row["number"] in asked.store.rows["pulls"]:
        kept = asked.store.get("pulls", row["number"])
        kept |= {name: row[name] for name in ("title", "body", "state", "labels")}
    return row


@route("issues/list-labels-on-issue", about("read"))
def issue_labels(asked: Asked) -> list[Row]:
    """List the labels of one issue."""
    return get_issue(asked)["labels"]


@route("issues/add-labels", about("write"))
def add_labels(asked: Asked) -> list[Row]:
    """Add to the labels of an issue."""
    names = asked.json["labels"] if isinstance(asked.json, dict) else asked.json
    row = get_issue(asked)
    new = labels(asked.store, names)
    row["labels"] += [label for label in new if label not in row["labels"]]
    return row["labels"]


@route("issues/remove-label", about("write"))
def remove_label(asked: Asked) -> list[Row]:
    """Take one label off an issue."""
    row = get_issue(asked)
    left = [label for label in row["labels"] if label["name"] != asked.at["name"]]
    if len(left) == len(row["labels"]):
        raise Refused(404, "Label does not exist")
    row["labels"] = left
    return left


@route("issues/list-comments", about("read"))
def list_comments(asked: Asked) -> list[Row]:
    """List the oldest first, as GitHub does."""
    get_issue(asked)
    number = int(asked.at["issue_number"])
    rows = asked.store.all("comments")[::-1]
    return [public(row) for row in rows if row["~number"] == number]


@route("issues/create-comment", about("write"))
def create_comment(asked: Asked) -> Row:
    """Keep a comment of at most 65,536 characters."""
    row, body = get_issue(asked), asked.json["body"]
    if len(body) > 65536 or not body:
        what = "is too long (maximum is 65536 characters)" if body else "can't be blank"
        raise Refused(422, f"Validation Failed: Body {what}")
    comment = asked.store.new("issues/create-comment", body=body, user=asked.user)
    anchor = f"{row['html_url']}#issuecomment-{comment['id']}"
    comment |= {"issue_url": row["url"], "html_url": anchor}
    row["comments"] += 1
    return public(asked.store.add("comments", comment["id"], comment | {"~number": row["number"]}))


@route("issues/get-comment", about("read"))
def get_comment(asked: Asked) -> Row:
    """Show a comment."""
    return public(asked.store.get("comments", asked.at["comment_id"]))


@route("issues/update-comment", about("write"))
def update_comment(asked: Asked) -> Row:
    """Change the text of a comment."""
    row = asked.store.get("comments", asked.at["comment_id"])
    row |= {"body": asked.json["body"], "updated_at": now()}
    return public(row)


@route("issues/delete-comment", about("write"))
def delete_comment(asked: Asked) -> None:
    """Forget a comment."""
    asked.store.pop("comments", asked.at["comment_id"])


@route("issues/list-labels-for-repo", "issues: read | pull-requests: read")
def list_labels(asked: Asked) -> list[Row]:
    """List the labels of the repository."""
    return asked.store.all("labels")


@route("issues/create-label", "issues: write | pull-requests: write")
def create_label(asked: Asked) -> Row:
    """Refuse a name that exists."""
    name = asked.json["name"]
    if name in asked.store.rows["labels"]:
        raise Refused(422, "Validation Failed: name already_exists")
    rest = {key: asked.json[key] for key in ("color", "description") if key in asked.json}
    return add_label(asked.store, name, **rest)


@route("issues/get-label", "issues: read | pull-requests: read")
def get_label(asked: Asked) -> Row:
    """Show a label."""
    return asked.store.get("labels", asked.at["name"])


@route("issues/update-label", "issues: write | pull-requests: write")
def update_label(asked: Asked) -> Row:
    """Change its colour or description; new names are not kept."""
    row = get_label(asked)
    return row | {key: asked.json[key] for key in ("color", "description") if key in asked.json}
