"""The package's versions, of a person and of an organisation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from githubkit import GitHub

from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import operation
from mlops_loop.github.packages import Package, Version

DIGEST = f"sha256:{'0' * 64}"
TIME = "2026-01-31T12:00:00Z"
VERSION = Version(1, DIGEST, (), datetime(2026, 1, 31, 12, tzinfo=UTC))


def row(tags=(), **more):
    facts = {"package_type": "container", "container": {"tags": list(tags)}}
    return {"id": 1, "name": DIGEST, "updated_at": TIME, "metadata": facts} | more


class Packages:
    """GitHub with one version of a package; `calls` are what was asked."""

    name = "o/r"

    def __init__(self, kind, now):
        self.kind, self.now, self.calls = kind, now, []
        self._client = GitHub("none")  # `rest` lives as long as its client
        self.rest = self._client.rest

    def list_all(self, method, /, **call):
        self.calls.append((operation(method), call))
        yield self.now

    def call(self, method, /, **call):
        self.calls.append((operation(method), call))
        if operation(method) == "repos.get":
            return {"owner": {"login": "O", "type": self.kind}}
        if self.now is None:
            raise GitHubRefused("gone", 404)
        if isinstance(self.now, GitHubRefused):
            raise self.now
        return self.now if operation(method).startswith("packages.get") else None


@pytest.fixture(params=["Organization", "User"])
def github(request):
    """`github(row)` has this version now."""
    return lambda now: Packages(request.param, now)


def test_versions(github):
    """The name of the package may have a slash, and is a part of a path."""
    asked = github(row(["v1", "production"]))
    (found,) = Package(asked, "r/image").versions()
    assert (found.id, found.digest, found.tags) == (1, DIGEST, ("v1", "production"))
    assert found.updated == VERSION.updated
    name, call = asked.calls[-1]
    whose = {"Organization": "org", "User": "username"}[asked.kind]
    assert (call[whose], call["package_name"]) == ("O", "r%2Fimage")
    assert name.endswith({"Organization": "_org", "User": "_user"}[asked.kind])


def test_delete(github):
    """It is looked at once more before."""
    asked = github(row())
    assert Package(asked, "r").delete_untagged(VERSION)
    assert [name.split("_version")[0] for name, _ in asked.calls[1:]] == [
        "packages.get_package",
        "packages.delete_package",
    ]
    assert all(call["package_version_id"] == 1 for _, call in asked.calls[1:])


@pytest.mark.parametrize(
    "now",
    [row(["v2"]), row(updated_at="2026-02-01T00:00:00Z"), None],
    ids=["tag", "pushed", "gone"],
)
def test_what_changed_since_is_not_deleted(github, now):
    """A build may have pushed the same content again."""
    asked = github(now)
    assert not Package(asked, "r").delete_untagged(VERSION)
    assert not any(name.startswith("packages.delete") for name, _ in asked.calls)


def test_a_refusal_is_one(github):
    """As of a version with too many downloads."""
    asked = github(GitHubRefused("5,000 downloads", 400))
    with pytest.raises(GitHubRefused):
        Package(asked, "r").delete_untagged(VERSION)


UNKNOWN = [
    row(metadata=None),
    row(metadata={"package_type": "container"}),
    row(metadata={"container": {"tags": None}}),
    row(updated_at="yesterday"),
    {},
]


@pytest.mark.parametrize("now", UNKNOWN)
def test_a_version_without_facts_is_not_untagged(github, now):
    """What is not said is not known."""
    package = Package(github(now), "r")
    with pytest.raises(GitHubRefused, match="without a digest, tags or time"):
        package.versions()
    with pytest.raises(GitHubRefused):
        package.delete_untagged(VERSION)
