"""Releases and their files."""

import hashlib

from ..calls import Answer, Refused
from ..store import Row, now, public
from . import Asked, route
from .code import change


@route("repos/create-release", "contents: write")
def create_release(asked: Asked) -> Row:
    """Make the tag too where it does not exist."""
    body, store = asked.json, asked.store
    tag, target = body["tag_name"], body.get("target_commitish", "HEAD")
    if any(row["tag_name"] == tag for row in store.all("releases")):
        raise Refused(422, "Validation Failed: tag_name already_exists")
    if not store.git("for-each-ref", f"refs/tags/{tag}") and not body.get("draft"):
        change(asked, f"refs/tags/{tag}", None, store.sha(target, status=422))
    known = ("tag_name", "target_commitish", "name", "body", "draft", "prerelease")
    given = {name: body[name] for name in known if name in body}
    given = {"name": tag, "body": "", "author": asked.user, "assets": []} | given
    row = store.new("repos/create-release", published_at=now(), **given)
    row.pop("discussion_url", None)
    return store.add("releases", row["id"], row)


@route("repos/list-releases", "contents: read")
def list_releases(asked: Asked) -> list[Row]:
    """List the newest first."""
    return asked.store.all("releases")


@route("repos/get-release", "contents: read")
def get_release(asked: Asked) -> Row:
    """Show a release."""
    return asked.store.get("releases", asked.at["release_id"])


@route("repos/get-latest-release", "contents: read")
def latest_release(asked: Asked) -> Row:
    """Show the newest release that is neither a draft nor a pre-release."""
    found = asked.store.all("releases", draft=False, prerelease=False)
    return found[0] if found else asked.store.get("releases", 0)


@route("repos/get-release-by-tag", "contents: read")
def release_of_tag(asked: Asked) -> Row:
    """Show the release of a tag."""
    found = asked.store.all("releases", tag_name=asked.at["tag"], draft=False)
    return found[0] if found else asked.store.get("releases", 0)


@route("repos/update-release", "contents: write")
def update_release(asked: Asked) -> Row:
    """Change what is given."""
    row = get_release(asked)
    row |= {name: value for name, value in asked.json.items() if name in row}
    return row


@route("repos/delete-release", "contents: write")
def delete_release(asked: Asked) -> None:
    """Remove a release; its tag stays."""
    asked.store.pop("releases", asked.at["release_id"])


@route("repos/upload-release-asset", "contents: write")
def upload_asset(asked: Asked) -> Row:
    """Keep a file, whose name is not taken yet."""
    release, data, name = get_release(asked), asked.request.body, asked.query["name"]
    if any(row["name"] == name for row in release["assets"]):
        raise Refused(422, "Validation Failed: name already_exists")
    kind = asked.request.headers["content-type"]
    row = asked.store.new("repos/upload-release-asset", name=name, content_type=kind)
    row |= {"size": len(data), "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}
    row |= {"label": asked.query.get("label"), "uploader": asked.user, "download_count": 0}
    release["assets"].append(row)
    asked.store.add("assets", row["id"], row | {"~data": data})
    return row


@route("repos/list-release-assets", "contents: read")
def list_assets(asked: Asked) -> list[Row]:
    """List the files of a release."""
    return get_release(asked)["assets"]


@route("repos/get-release-asset", "contents: read")
def get_asset(asked: Asked) -> Row | Answer:
    """Send the file itself where the request accepts that."""
    row = asked.store.get("assets", asked.at["asset_id"])
    if asked.request.headers.get("accept") == "application/octet-stream":
        return Answer(200, row["~data"], {"Content-Type": "application/octet-stream"})
    return public(row)


@route("repos/delete-release-asset", "contents: write")
def delete_asset(asked: Asked) -> None:
    """Remove a file."""
    asked.store.pop("assets", asked.at["asset_id"])
    for release in asked.store.all("releases"):
        left = [row for row in release["assets"] if str(row["id"]) != asked.at["asset_id"]]
        release["assets"] = left
