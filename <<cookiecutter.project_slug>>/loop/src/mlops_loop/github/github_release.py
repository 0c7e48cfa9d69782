"""The page of a version on GitHub: the model card, and why the gate let it pass."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry.entries import Entry

LONGEST = 120_000  # characters; GitHub takes 125,000


@dataclass(frozen=True)
class Release:
    """The address of a release on GitHub, and whether it was made just now."""

    url: str
    is_new: bool


def create_once(version: Entry, bundle: Bundle, repository: Repository | None = None) -> Release:
    """Create the release of a version, unless it exists. Raises GitHubRefused."""
    repository = repository or Repository()
    if url := _existing(repository, version.tag):
        return Release(url, is_new=False)
    card = (bundle.folder / "model_card.md").read_text("utf-8")[:LONGEST]
    made = repository.call(
        repository.rest.repos.create_release,
        tag_name=version.tag, name=version.version, body=card,
    )  # fmt: skip
    return Release(made["html_url"], is_new=True)


def _existing(repository: Repository, tag: str) -> str:
    try:
        return repository.call(repository.rest.repos.get_release_by_tag, tag=tag)["html_url"]
    except GitHubRefused as error:
        if error.status != 404:
            raise
        return ""
