"""Versions of a container package in GitHub's registry: all manifests that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository


@dataclass(frozen=True)
class Version:
    """A manifest: GitHub's number of it, its digest, its tags, and when it was last changed."""

    id: int
    digest: str
    tags: tuple[str, ...]
    updated: datetime


class Package:
    """The container package `name` of the repository's owner, a person or an organisation.

    All methods raise GitHubRefused, also for an answer that cannot be understood.
    """

    def __init__(self, repository: Repository, name: str):
        self._repository, self.name = repository, name
        owner = repository.call(repository.rest.repos.get)["owner"]
        self._of_org = owner["type"] == "Organization"
        whose = {"org" if self._of_org else "username": owner["login"]}
        self._call: dict[str, Any] = whose | {"package_type": "container"}
        self._call["package_name"] = quote(name, "")

    def versions(self) -> list[Version]:
        """All versions."""
        rest = self._repository.rest.packages
        every: Callable[..., Any] = (
            rest.get_all_package_versions_for_package_owned_by_org
            if self._of_org
            else rest.get_all_package_versions_for_package_owned_by_user
        )
        return list(self._read(self._repository.list_all(every, **self._call)))

    def delete_untagged(self, version: Version) -> bool:
        """Delete a version; False where it has a tag now, or somebody else was faster."""
        rest = self._repository.rest.packages
        call = self._call | {"package_version_id": version.id}
        get: Callable[..., Any] = (
            rest.get_package_version_for_organization
            if self._of_org
            else rest.get_package_version_for_user
        )
        delete: Callable[..., Any] = (
            rest.delete_package_version_for_org
            if self._of_org
            else rest.delete_package_version_for_user
        )
        try:
            now = self._repository.call(get, **call)
            if next(self._read(iter([now]))) != version:
                return False
            self._repository.call(delete, **call)
        except GitHubRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    def _read(self, rows: Iterator[dict[str, Any]]) -> Iterator[Version]:
        for row in rows:
            try:
                tags = tuple(row["metadata"]["container"]["tags"])
                changed = datetime.fromisoformat(row["updated_at"])
                yield Version(row["id"], row["name"], tags, changed)
            except (LookupError, TypeError, ValueError) as error:
                raise GitHubRefused(
                    f"GitHub's list of versions of the package {self.name} has one without a "
                    f"digest, tags or time ({error!r}). Next: please report it"
                ) from error
