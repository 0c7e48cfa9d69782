"""The check of GitHub Pages: may the site take the dashboard, where its owner asks for it?"""

from __future__ import annotations

from fnmatch import fnmatchcase

from mlops_loop.errors import NotOnPlan
from mlops_loop.github import pages
from mlops_loop.repository.check import Missing
from mlops_loop.repository.github_state import PLAN_REASON, RepositoryState

PAGES = {"environment_name": "github-pages"}  # GitHub makes it, and Pages demand it
ALLOW_MAIN = (
    "gh api --method POST repos/{owner}/{repo}/environments/github-pages/"
    "deployment-branch-policies -f name=main"
)


def dashboard(state: RepositoryState) -> Missing | None:
    """Where the workflow monitor does not publish the dashboard. Raises NotOnPlan."""
    if not (asked := state.variables.get(pages.VARIABLE, "")):
        return Missing(pages.NOT_ASKED.reason, pages.NOT_ASKED.command)
    row = state.call(state.rest.repos.get_pages)
    site = pages.Site.of(row) if row else None
    if not site and state.on_free_plan:
        raise NotOnPlan(PLAN_REASON)
    found = pages.obstacle(asked, site, is_private=state.is_private)
    if found:
        return Missing(found.reason, found.command)
    return None if _main_may_publish(state) else Missing("main may not publish there", ALLOW_MAIN)


def _main_may_publish(state: RepositoryState) -> bool:
    """Not where Pages showed another branch before: GitHub allowed that one, and keeps it so."""
    environment = state.call(state.rest.repos.get_environment, **PAGES) or {}
    if not (environment.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
        return True
    rows = state.list_all(state.rest.repos.list_deployment_branch_policies, **PAGES)
    return any(fnmatchcase("main", row["name"]) for row in rows)
