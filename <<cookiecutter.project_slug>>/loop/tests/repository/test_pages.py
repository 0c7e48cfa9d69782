"""Doctor says what keeps the dashboard off Pages, where its owner asks for it."""

from __future__ import annotations

import pytest
from github_settings import RIGHT, about, variables

NAME = "Pages show the dashboard"
PRIVATE = about(private=True) | variables(DASHBOARD_PAGES="true")
REFUSED = (403, {"message": "Upgrade to GitHub Pro or make this repository public."})


def site(**changes):
    return {"/pages": RIGHT["/pages"] | changes}


def environment(*branches):
    """Of Pages: with a list of branches, or without."""
    at = "/environments/github-pages"
    policy = {"protected_branches": False, "custom_branch_policies": True} if branches else None
    rows = {"rows": [{"name": name} for name in branches]}
    return {at: {"deployment_branch_policy": policy}, f"{at}/deployment-branch-policies": rows}


FOUND = {
    "nobody asked": (variables(), "optional", "DASHBOARD_PAGES is not set", "--body true"),
    "another value": (
        variables(DASHBOARD_PAGES="yes"), "optional", "'yes', allowed are true, public",
        "--body true",
    ),
    "off": ({"/pages": 404}, "optional", "Pages are switched off", "--method POST"),
    "from a branch": (
        site(build_type="legacy"), "optional", "which the dashboard would replace", "--method PUT",
    ),
    "private, and read by everybody": (
        PRIVATE, "optional", "everybody could read its Pages", "--body public",
    ),
    "another branch before": (
        environment("gh-pages"), "optional", "main may not publish", "-f name=main",
    ),
    "not on the plan": (
        PRIVATE | {"/pages": 404, "/rulesets": REFUSED}, "not on plan", "does not sell it", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "state", "reason", "command"), FOUND.values(), ids=FOUND)
def test_what_keeps_it_off_is_found(examine, changes, state, reason, command):
    """With the command that changes it; doctor fails for none of them."""
    found = examine(changes)[NAME]
    assert found.state == state
    assert reason in found.reason
    assert command in found.command


@pytest.mark.parametrize(
    "changes",
    [
        about(private=True),
        PRIVATE | site(public=False),
        variables(DASHBOARD_PAGES="true"),
        environment(),
        environment("gh-pages", "m*"),
    ],
    ids=["asked for everybody", "limited to readers", "public", "any branch", "main too"],
)
def test_what_is_published_is_right(examine, changes):
    """Where everybody may read it, or only those who may read the repository."""
    assert NAME not in examine(changes)
