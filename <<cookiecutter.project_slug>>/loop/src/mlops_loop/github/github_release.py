"""The page of a version on GitHub: the model card, and why the gate let it pass."""

from __future__ import annotations

from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry.ledger import Entry

LONGEST = 120_000  # characters; GitHub takes 125,000


def run(version: Entry, bundle: Bundle, repository: Repository | None = None) -> str:
    """Make the release of a version, once; say where it is. Raises GitHubRefused."""
    repository = repository or Repository()
    try:
        found = repository.ask("repos.get_release_by_tag", tag=version.tag)
        return f"Nothing to do: {found['html_url']} is there already."
    except GitHubRefused as error:
        if error.status != 404:
            raise
    card = (bundle.folder / "model_card.md").read_text("utf-8")[:LONGEST]
    made = repository.ask(
        "repos.create_release", tag_name=version.tag, name=version.version, body=card
    )
    return f"Released {made['html_url']}"
