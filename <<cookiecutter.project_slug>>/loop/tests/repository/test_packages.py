"""Packages on GitHub: whose they are, what they are called, and who may read them."""

from __future__ import annotations

import pytest
from github_settings import PACKAGE, about, variables

STORE, IMAGE = "The store belongs to this repository", "The image belongs to this repository"
CREATED, PRIVATE = "The organization lets jobs create packages", "Data and models are private"
AT = "/users/o/packages/container/r%2Fstore"
DEFAULT = variables()
TEAM = about(owner={"login": "o", "type": "Organization"})
TEAM_IMAGE = {"/orgs/o/packages/container/r": PACKAGE}
OLD = [
    {"name": "other/store", "repository": {"full_name": "o/other"}},
    {"name": "lost/store"},
    {"name": "old", "repository": {"full_name": "O/R"}},
    {"name": "old/store", "repository": {"full_name": "O/R"}},
]


def package(**changes):
    return {AT: PACKAGE | {"name": "r/store"} | changes}


FOUND = {
    "nothing yet": (
        DEFAULT, STORE, "optional", "no ghcr.io/o/r/store yet, or this login may not read it",
        "merge a model",
    ),
    "deleted and made again": (
        DEFAULT | package(repository=None), STORE, "missing",
        "ghcr.io/o/r/store is linked to no repository, as after a repository was deleted",
        "https://x/users/o/packages/container/r%2Fstore/settings: Connect repository",
    ),
    "another's": (
        DEFAULT | package(repository={"full_name": "o/other"}), STORE, "missing",
        "ghcr.io/o/r/store is linked to o/other", "Manage Actions access: Write",
    ),
    "an image of another": (
        {"/users/o/packages/container/r": {"name": "r"}}, IMAGE, "missing",
        "ghcr.io/o/r is linked to no repository", "/packages/container/r/settings",
    ),
    "a store of the old name": (
        DEFAULT | {"/users/o/packages": OLD}, STORE, "missing", "but ghcr.io/o/old/store",
        "gh variable set STORE_URL --body https://ghcr.io/o/old/store",
    ),
    "an image of the old name": (
        DEFAULT | {"/users/o/packages": OLD, "/users/o/packages/container/r": 404}, IMAGE,
        "missing", "but ghcr.io/o/old,", "gh variable set IMAGE_URL --body ghcr.io/o/old",
    ),
    "an image of another owner": (
        variables(IMAGE_URL="ghcr.io/p/r"), IMAGE, "unseen", "ghcr.io/p/r belongs to p", "",
    ),
    "a login without packages": (
        DEFAULT | {AT: (403, {"message": "You need at least read:packages scope"})}, STORE,
        "unseen", "read:packages", "",
    ),
    "origin has the old name": (
        about(full_name="o/new", html_url="https://x/o/new", clone_url="https://x/o/new.git")
        | {"/users/o/packages/container/new": PACKAGE | {"repository": {"full_name": "o/new"}}},
        "Origin names this repository", "optional", "it is o/new now",
        "git remote set-url origin https://x/o/new.git",
    ),
    "no API tells": (
        TEAM | DEFAULT | {"/orgs/o/packages": []}, CREATED, "unseen", "does not tell any login",
        "",
    ),
    "the first push": (
        DEFAULT, PRIVATE, "optional", "the first push makes them public", "",
    ),
    "it was the first push": (
        DEFAULT | package(visibility="public"), PRIVATE, "optional",
        "everybody can read ghcr.io/o/r/store, and that cannot be taken back", "to delete it",
    ),
    "public, in a private repository": (
        about(private=True) | DEFAULT | package(visibility="public"), PRIVATE, "optional",
        "everybody can read", "to delete it",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name", "state", "reason", "command"), FOUND.values(), ids=FOUND
)
def test_what_is_not_right_is_found(examine, changes, name, state, reason, command):
    """With its state, the reason, and what helps here."""
    found = examine(changes)[name]
    assert found.state == state
    assert reason in found.reason
    assert command in found.command


FINE = {
    "the store is ours": (DEFAULT | package(), {STORE, PRIVATE}),
    "the store of the old name, as a variable": (
        variables(STORE_URL="https://ghcr.io/o/old/store")
        | {"/users/o/packages/container/old%2Fstore": PACKAGE},
        {STORE},
    ),
    "neither is on GitHub": (
        variables(STORE_URL="s3://bucket/dvc", IMAGE_URL="registry.example.org/r")
        | {"/users/o/packages/container/r": 404},
        {STORE, IMAGE, PRIVATE},
    ),
    "a user has no organization": (DEFAULT, {CREATED}),
    "a private repository": (about(private=True) | DEFAULT, {PRIVATE}),
    "packages of an organization begin private": (TEAM | TEAM_IMAGE | DEFAULT, {PRIVATE}),
    "what is there was created": (TEAM | TEAM_IMAGE, {CREATED, IMAGE}),
}


@pytest.mark.parametrize(("changes", "names"), FINE.values(), ids=FINE)
def test_what_is_right_is_left_alone(examine, changes, names):
    """Wherever the store and the image are."""
    assert names.isdisjoint(examine(changes))


def test_a_remote_of_dvc_is_no_package(examine, tmp_path):
    """The address in .dvc/config counts where STORE_URL is not set."""
    (tmp_path / ".dvc").mkdir()
    config = "[core]\n    remote = store\n['remote \"store\"']\n    url = s3://bucket/dvc\n"
    (tmp_path / ".dvc/config").write_text(config)
    assert {STORE, PRIVATE}.isdisjoint(examine(DEFAULT))
