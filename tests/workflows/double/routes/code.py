"""Refs, commits, files and what hangs on commits: read from the origin, by git."""

import base64
from fnmatch import fnmatchcase

from ..calls import Refused
from ..store import Row, now, public
from . import Asked, route
from .pulls import changed_files

ZERO = "0" * 40


def ref_row(asked: Asked, ref: str) -> Row:
    """Return a ref as GitHub shows it; an annotated tag is an object of its own."""
    sha = asked.store.git("rev-parse", "--verify", "--quiet", ref)
    kind = asked.store.git("cat-file", "-t", sha)
    row = asked.store.new("git/get-ref", ref=ref)
    row["url"] = row["url"].replace("refs/heads/featureA", ref)
    row["object"] |= {"sha": sha, "type": kind}
    return row


def change(asked: Asked, ref: str, old: str | None, new: str | None) -> None:
    """Move a ref, unless a rule forbids it to this token; it is recorded as a push."""
    kind = "create" if old is None else "delete" if new is None else "update"
    if not asked.token.has("administration", "write"):
        for pattern, allowed in asked.store.protected.items():
            if fnmatchcase(ref, pattern) and kind not in allowed:
                raise Refused(422, f"Repository rule violations found for {ref}")
    if new and not asked.token.has("workflows", "write") and not _known_workflows(asked, new):
        accepted = {"X-Accepted-GitHub-Permissions": "contents=write,workflows=write"}
        raise Refused(403, "Resource not accessible by integration", **accepted)
    arguments = ("-d", ref) if new is None else (ref, new)
    asked.store.git("update-ref", *arguments, status=422)
    row = {"ref": ref, "before": old or ZERO, "after": new or ZERO, "job": asked.token.job}
    asked.store.pushes.append(row)


def _known_workflows(asked: Asked, commit: str) -> bool:
    """Whether a branch has the workflow files of a commit; a job may bring in no others."""
    tips = asked.store.git("for-each-ref", "--format=%(objectname)", "refs/heads").split()
    return not tips or _workflows(asked, commit) in {_workflows(asked, tip) for tip in tips}


def _workflows(asked: Asked, commit: str) -> str:
    return asked.store.git("ls-tree", f"{commit}^{{commit}}", ".github/workflows")


@route("git/get-ref", "contents: read")
def get_ref(asked: Asked) -> Row:
    """Show a branch or tag."""
    return ref_row(asked, f"refs/{asked.at['ref']}")


@route("git/list-matching-refs", "contents: read")
def list_refs(asked: Asked) -> list[Row]:
    """List refs that begin so."""
    found = asked.store.git("for-each-ref", "--format=%(refname)").splitlines()
    return [ref_row(asked, ref) for ref in found if ref.startswith(f"refs/{asked.at['ref']}")]


@route("git/create-ref", "contents: write")
def create_ref(asked: Asked) -> Row:
    """Make a branch or tag."""
    ref, sha = asked.json["ref"], asked.json["sha"]
    if asked.store.git("for-each-ref", ref):
        raise Refused(422, "Reference already exists")
    asked.store.git("cat-file", "-e", sha, status=422)
    change(asked, ref, None, sha)
    return ref_row(asked, ref)


@route("git/update-ref", "contents: write")
def update_ref(asked: Asked) -> Row:
    """Move a branch or tag, forward unless `force` is given."""
    ref, new = f"refs/{asked.at['ref']}", asked.json["sha"]
    old = asked.store.sha(ref)
    if not asked.json.get("force"):
        base = asked.store.git("merge-base", old, new, status=422)
        if base != old:
            raise Refused(422, "Update is not a fast forward")
    change(asked, ref, old, new)
    return ref_row(asked, ref)


@route("git/delete-ref", "contents: write")
def delete_ref(asked: Asked) -> None:
    """Remove a branch or tag."""
    ref = f"refs/{asked.at['ref']}"
    change(asked, ref, asked.store.sha(ref, status=422), None)


def commit_row(asked: Asked, ref: str, operation: str) -> Row:
    """Return a commit in the form that an operation shows."""
    told = asked.store.git("show", "-s", "--format=%H%n%T%n%an%n%ae%n%cI%n%P%n%B", ref)
    sha, tree, name, email, date, parents, message = (told + "\n\n").split("\n", 6)
    row = asked.store.new(operation, sha=sha)
    person = {"name": name, "email": email, "date": date}
    row["commit"] |= {"message": message.strip(), "author": person, "committer": person}
    row["commit"]["tree"] |= {"sha": tree}
    row["parents"] = [row["parents"][0] | {"sha": parent} for parent in parents.split()]
    return row


@route("repos/get-commit", "contents: read")
def get_commit(asked: Asked) -> Row:
    """Show a commit; its files are not told."""
    ref = asked.store.sha(asked.at["ref"], status=422)
    return commit_row(asked, ref, "repos/get-commit") | {"files": []}


@route("repos/list-commits", "contents: read")
def list_commits(asked: Asked) -> list[Row]:
    """List the commits of a branch, the newest first."""
    command = ["rev-list", asked.query.get("sha", "HEAD"), "--"]
    found = asked.store.git(*command, *filter(None, [asked.query.get("path")])).splitlines()
    return [commit_row(asked, sha, "repos/list-commits") for sha in found]


@route("repos/get-branch", "contents: read")
def get_branch(asked: Asked) -> Row:
    """Show a branch, and whether it is protected."""
    name, row = asked.at["branch"], asked.store.new("repos/get-branch", name=asked.at["branch"])
    sha = asked.store.sha(f"refs/heads/{name}")
    shut = any(fnmatchcase(f"refs/heads/{name}", each) for each in asked.store.protected)
    return row | {"protected": shut, "commit": row["commit"] | {"sha": sha}}


@route("repos/compare-commits-with-basehead", "contents: read")
def compare(asked: Asked) -> Row:
    """Compare two commits, branches or tags; their commits are counted and named."""
    base, _, head = asked.at["basehead"].partition("...")
    old, new = asked.store.sha(base), asked.store.sha(head)
    behind, ahead = asked.store.git("rev-list", "--left-right", "--count", f"{old}...{new}").split()
    names = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
    status = names.get((ahead != "0", behind != "0"), "identical")
    found = asked.store.git("rev-list", "--reverse", f"{old}..{new}").splitlines()
    row = asked.store.new("repos/compare-commits-with-basehead", status=status)
    row |= {"ahead_by": int(ahead), "behind_by": int(behind), "total_commits": int(ahead)}
    row["commits"] = [commit_row(asked, sha, "repos/list-commits") for sha in found]
    return row | {"files": changed_files(asked.store, old, new)}


@route("repos/get-content", "contents: read")
def get_content(asked: Asked) -> Row:
    """Show a file; the raw form and folders are not in the double."""
    path = asked.at["path"]
    where = f"{asked.query.get('ref', 'HEAD')}:{path}"
    sha = asked.store.git("rev-parse", "--verify", "--quiet", where)
    data = asked.store.git("cat-file", "blob", sha).encode()
    row = asked.store.new("repos/get-content", path=path, sha=sha, name=path.rpartition("/")[2])
    return row | {"size": len(data), "content": base64.encodebytes(data).decode()}


@route("repos/create-commit-status", "statuses: write")
def create_status(asked: Asked) -> Row:
    """Keep a status of a commit."""
    sha, body = asked.store.sha(asked.at["sha"], status=422), asked.json
    row = asked.store.new("repos/create-commit-status", creator=asked.user, **body)
    row["context"] = body.get("context", "default")
    return asked.store.add("statuses", row["id"], row | {"~sha": sha}) and public(row)


def statuses(asked: Asked) -> list[Row]:
    """Return the statuses of a commit, the newest first."""
    return asked.store.all("statuses", **{"~sha": asked.store.sha(asked.at["ref"])})


@route("repos/list-commit-statuses-for-ref", "statuses: read")
def list_statuses(asked: Asked) -> list[Row]:
    """List every status that was ever set."""
    return [public(row) for row in statuses(asked)]


@route("checks/create", "checks: write")
def create_check(asked: Asked) -> Row:
    """Keep a check run."""
    body = {"status": "queued", "conclusion": None, "completed_at": None} | asked.json
    body.pop("actions", None)
    row = asked.store.new("checks/create", **body | {"pull_requests": []})
    row["output"] = {"title": None, "summary": None, "text": None, "annotations_count": 0} | {
        "annotations_url": f"{row['url']}/annotations"
    }
    row["output"] |= {k: v for k, v in body.get("output", {}).items() if k in row["output"]}
    return asked.store.add("checks", row["id"], row)


@route("checks/update", "checks: write")
def update_check(asked: Asked) -> Row:
    """Change a check run; a conclusion completes it."""
    row, body = asked.store.get("checks", asked.at["check_run_id"]), asked.json
    row["output"] |= {k: v for k, v in body.pop("output", {}).items() if k in row["output"]}
    if "conclusion" in body:
        body = {"status": "completed", "completed_at": now()} | body
    row |= body
    return row


@route("checks/list-for-ref", "checks: read")
def list_checks(asked: Asked) -> Row:
    """List the check runs of a commit."""
    rows = asked.store.all("checks", head_sha=asked.store.sha(asked.at["ref"]))
    name = asked.query.get("check_name")
    rows = [row for row in rows if name in (None, row["name"])]
    return {"total_count": len(rows), "check_runs": rows}
