"""Whether the repository is public, which decides what GitHub offers it."""

from __future__ import annotations

from mlops_loop.errors import GitHubRefused
from mlops_loop.github import api

VISIBILITIES = ("public", "private", "internal")


def visibility() -> str:
    """public, private or internal: by the event that started this workflow, else by the API.

    Raises GitHubRefused where neither says it: an unknown answer is no answer.
    """
    repository = api.event().get("repository")
    if not isinstance(repository, dict) or "visibility" not in repository:
        client = api.Repository()
        repository = client.call(client.rest.repos.get)
    if (found := repository.get("visibility")) not in VISIBILITIES:
        raise GitHubRefused(
            f"GitHub says that the visibility of this repository is {found!r}; known are "
            f"{', '.join(VISIBILITIES)}. Next: the same command again"
        )
    return str(found)
