"""GitHub Pages: whether the repository's site may take the dashboard.

Nothing is published that the owner did not ask for, by the variable DASHBOARD_PAGES. Everybody can
read the site of a private repository, except where Enterprise Cloud limits it to the repository's
readers (https://docs.github.com/en/pages/getting-started-with-github-pages/changing-the-visibility-of-your-github-pages-site).
So `true` publishes where the page has no more readers than the repository, `public` everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository

VARIABLE = "DASHBOARD_PAGES"
ALLOWED = ("true", "public")
SET = f"gh variable set {VARIABLE} --body"


@dataclass(frozen=True)
class Site:
    """The repository's site. is_built_by_workflows: not from a branch. is_public: for everybody."""

    url: str
    is_built_by_workflows: bool
    is_public: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Site:
        """As GitHub describes it. What it leaves out counts as what publishes nothing."""
        return cls(
            row.get("html_url", ""), row.get("build_type") == "workflow", row.get("public", True)
        )


@dataclass(frozen=True)
class Obstacle:
    """Why the dashboard is not published, as a clause, and the command that changes it."""

    reason: str
    command: str


NOT_ASKED = Obstacle(f"the variable {VARIABLE} is not set", f"{SET} true")
OFF = Obstacle(
    "Pages are switched off, or not sold for private repositories on this plan",
    "gh api --method POST repos/{owner}/{repo}/pages -f build_type=workflow",
)
FROM_A_BRANCH = Obstacle(
    "Pages show a site from a branch, which the dashboard would replace",
    "gh api --method PUT repos/{owner}/{repo}/pages -f build_type=workflow",
)
FOR_EVERYBODY = Obstacle(
    "this repository is private, and everybody could read its Pages", f"{SET} public"
)


def find(repository: Repository) -> Site | None:
    """The site of the repository, None where Pages are off. Raises GitHubRefused."""
    try:
        row: Any = repository.call(repository.rest.repos.get_pages)
    except GitHubRefused as error:
        if error.status == 404:
            return None
        raise
    return Site.of(row)


def obstacle(asked: str, site: Site | None, *, is_private: bool) -> Obstacle | None:
    """Why the site may not take the dashboard, None where it may.

    asked: what the variable says. is_private: also for an internal repository.
    """
    if not asked:
        return NOT_ASKED
    if asked not in ALLOWED:
        return Obstacle(f"{VARIABLE} is {asked!r}, allowed are {', '.join(ALLOWED)}", f"{SET} true")
    if not site:
        return OFF
    if not site.is_built_by_workflows:
        return FROM_A_BRANCH
    return FOR_EVERYBODY if is_private and site.is_public and asked != "public" else None
