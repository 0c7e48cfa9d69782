"""Packages of the owner, who may be an organization or a person, and their versions."""

from typing import Any
from urllib.parse import quote

from ..calls import Refused
from ..store import Row, Store, public
from . import Asked, route
from .settings import minimal

LIST = "packages/get-all-package-versions-for-package-owned-by-{}"


def add_package(store: Store, name: str, *tags: list[str], **more: Any) -> Row:
    """Keep a container package with one version per list of tags, the oldest first."""
    owner = store.repository.split("/")[0]
    row = store.new("packages/list-packages-for-organization", name=name)
    row |= {"package_type": "container", "version_count": len(tags), "owner": store.user(owner)}
    row["repository"] = minimal(store)
    store.add("packages", name, row | more)
    for index, names in enumerate(tags):
        version = store.new(LIST.format("org"), name=f"sha256:{index:064x}")
        base = f"{store.url}/api/v3/orgs/{owner}/packages/container/{quote(name, '')}"
        version["url"] = f"{base}/versions/{version['id']}"
        version["metadata"] = {"package_type": "container", "container": {"tags": names}}
        store.add("versions", version["id"], version | {"~package": name})
    return row


def _check_owner(asked: Asked) -> None:
    """Refuse to take a person for an organization, or the other way round."""
    if ("org" in asked.at) != (asked.settings["owner"] == "Organization"):
        raise Refused(404, "Not Found")


@route("packages/list-packages-for-organization", "packages: read")
@route("packages/list-packages-for-user", "packages: read")
def list_packages(asked: Asked) -> list[Row]:
    """Filter by the type, which must be given."""
    _check_owner(asked)
    return asked.store.all("packages", package_type=asked.query["package_type"])


@route("packages/get-package-for-organization", "packages: read")
@route("packages/get-package-for-user", "packages: read")
def get_package(asked: Asked) -> Row:
    """Show a package."""
    _check_owner(asked)
    return asked.store.get("packages", asked.at["package_name"])


@route(LIST.format("org"), "packages: read")
@route(LIST.format("user"), "packages: read")
def list_versions(asked: Asked) -> list[Row]:
    """List the newest first."""
    name = get_package(asked)["name"]
    return [public(row) for row in asked.store.all("versions", **{"~package": name})]


@route("packages/get-package-version-for-organization", "packages: read")
@route("packages/get-package-version-for-user", "packages: read")
def get_version(asked: Asked) -> Row:
    """Show a version."""
    return public(asked.store.get("versions", asked.at["package_version_id"]))


@route("packages/delete-package-version-for-org", "packages: write")
@route("packages/delete-package-version-for-user", "packages: write")
def delete_version(asked: Asked) -> None:
    """Keep the last version: GitHub wants the whole package deleted then."""
    if len(list_versions(asked)) == 1:
        raise Refused(400, "You cannot delete the last version of a package.")
    asked.store.pop("versions", asked.at["package_version_id"])
