"""Checks of the packages on GitHub that jobs push: the image, and the store with the data.

A package belongs to its owner and outlives its repository; jobs may write it because it is linked
to theirs. https://docs.github.com/packages/learn-github-packages
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from mlops_loop.repository.addresses import GHCR, image_url, package, store_url
from mlops_loop.repository.check import Missing, missing_if
from mlops_loop.repository.github_state import RepositoryState, Unreadable

Address = Callable[[RepositoryState], str]


def renamed(state: RepositoryState) -> Missing | None:
    """Where GitHub knows the repository by another name than origin does."""
    name, url = state.full_name, state.about["clone_url"]
    if name.lower() == state.repository.name.lower():
        return None
    return Missing(f"it is {name} now", command=f"git remote set-url origin {url}")


def linked(address: Address, variable: str) -> Callable[[RepositoryState], Missing | None]:
    """The check that the package at an address, which `variable` changes, is this repository's."""

    def inspect(state: RepositoryState) -> Missing | None:
        if not (found := package(address(state))):
            return None
        if (facts := _facts(state, *found)) is None:
            return _absent(state, *found, variable)
        other = (facts.get("repository") or {}).get("full_name", "")
        if other.lower() == state.full_name.lower():
            return None
        reason = f"{GHCR}/{'/'.join(found)} is linked to {other or 'no repository'}"
        if not other:
            reason += ", as after a repository was deleted and made again"
        page = f"{_page(state, *found)}: Connect repository; Manage Actions access: Write"
        return Missing(reason, command=page)

    return inspect


def _absent(state: RepositoryState, owner: str, name: str, variable: str) -> Missing:
    """Why there is no package of that name: the repository had another one, or nothing came yet."""
    if not (old := _old_name(state, name)):
        reason = f"no {GHCR}/{owner}/{name} yet, or this login may not read it"
        return Missing(reason, is_optional=True, command="merge a model: the release pushes it")
    scheme = "https://" if variable == "STORE_URL" else ""
    reason = f"no {GHCR}/{owner}/{name}, but {GHCR}/{owner}/{old}, as after a new name"
    return Missing(
        reason, command=f"gh variable set {variable} --body {scheme}{GHCR}/{owner}/{old}"
    )


def _old_name(state: RepositoryState, name: str) -> str:
    """The name of a package of the same kind that is linked to this repository; empty for none."""
    kind = name.count("/")
    for row in _list(state):
        is_ours = (row.get("repository") or {}).get(
            "full_name", ""
        ).lower() == state.full_name.lower()
        if (
            is_ours
            and row["name"].count("/") == kind
            and row["name"].endswith("/store") == bool(kind)
        ):
            return str(row["name"])
    return ""


def may_be_created(state: RepositoryState) -> Missing | None:
    """Where an organization may forbid it: no API tells. Raises Unreadable."""
    packages = [found for url in (store_url(state), image_url(state)) if (found := package(url))]
    if not state.in_organization or all(_facts(state, *found) for found in packages):
        return None
    page = f"{state.server}/organizations/{state.owner}/settings/packages"
    raise Unreadable(f"GitHub's API does not tell any login. Next: ask an owner to look at {page}")


def are_private(state: RepositoryState) -> Missing | None:
    """Where everybody can read the store on GitHub, or will be able to after the first push."""
    if not (found := package(store_url(state))):
        return None
    if facts := _facts(state, *found):
        public = f"everybody can read {GHCR}/{'/'.join(found)}, and that cannot be taken back"
        page = f"{_page(state, *found)}, to delete it; then another store"
        return Missing(public, command=page) if facts["visibility"] == "public" else None
    will_be = not state.is_private and not state.in_organization
    return missing_if(will_be, "the first push makes them public, as this repository is")


def _facts(state: RepositoryState, owner: str, name: str) -> dict[str, Any] | None:
    """What GitHub knows of a package; None where there is none, or none that this login sees."""
    packages = state.rest.packages
    if owner.lower() != state.owner.lower():
        raise Unreadable(f"{GHCR}/{owner}/{name} belongs to {owner}: look at its page")
    which = {"package_type": "container", "package_name": quote(name, safe="")}
    if state.in_organization:
        return state.call(packages.get_package_for_organization, org=state.owner, **which)
    return state.call(packages.get_package_for_user, username=state.owner, **which)


def _list(state: RepositoryState) -> list[dict[str, Any]]:
    packages, kind = state.rest.packages, {"package_type": "container"}
    if state.in_organization:
        return state.list_all(packages.list_packages_for_organization, org=state.owner, **kind)
    return state.list_all(packages.list_packages_for_user, username=state.owner, **kind)


def _page(state: RepositoryState, owner: str, name: str) -> str:
    kind = "orgs" if state.in_organization else "users"
    return f"{state.server}/{kind}/{owner}/packages/container/{quote(name, safe='')}/settings"
