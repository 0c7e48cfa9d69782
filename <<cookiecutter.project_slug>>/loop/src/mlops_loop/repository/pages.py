"""The check of GitHub Pages: may the site take the dashboard, where its owner asks for it?"""

from __future__ import annotations

from mlops_loop.errors import NotOnPlan
from mlops_loop.github import pages
from mlops_loop.repository.check import Missing
from mlops_loop.repository.github_state import PLAN_REASON, RepositoryState


def dashboard(state: RepositoryState) -> Missing | None:
    """Where the workflow monitor does not publish the dashboard. Raises NotOnPlan."""
    if not (asked := state.variables.get(pages.VARIABLE, "")):
        return Missing(pages.NOT_ASKED.reason, pages.NOT_ASKED.command)
    row = state.call(state.rest.repos.get_pages)
    site = pages.Site.of(row) if row else None
    if not site and state.on_free_plan:
        raise NotOnPlan(PLAN_REASON)
    found = pages.obstacle(asked, site, is_private=state.is_private)
    return Missing(found.reason, found.command) if found else None
