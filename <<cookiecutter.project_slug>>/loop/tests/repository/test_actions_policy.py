"""What the repository's policy, and that of its organization, let workflows use."""

from __future__ import annotations

import pytest
from github_settings import PACKAGE, RIGHT, about

from mlops_loop.repository.doctor import exit_code

OWN, USABLE = "The organization lets these actions run", "The actions that workflows use may run"
AT = "/orgs/o/actions/permissions"
TEAM = about(owner={"login": "o", "type": "Organization"})
TEAM |= {"/orgs/o/packages/container/r": PACKAGE}
OPEN = {"enabled_repositories": "all", "allowed_actions": "all", "sha_pinning_required": True}
PATTERNS = {"github_owned_allowed": True, "patterns_allowed": ["docker/*"]}
ASK = "ask an owner: https://x/organizations/o/settings/actions"
FOUND = {
    "switched off": ({AT: OPEN | {"enabled_repositories": "none"}}, "not switched on"),
    "for others": (
        {AT: OPEN | {"enabled_repositories": "selected"},
         f"{AT}/repositories": {"rows": [{"full_name": "o/other"}]}}, "not switched on",
    ),
    "its own alone": ({AT: OPEN | {"allowed_actions": "local_only"}}, "actions/*, astral-sh/"),
    "some": (
        {AT: OPEN | {"allowed_actions": "selected"}, f"{AT}/selected-actions": PATTERNS},
        "not allowed: astral-sh/setup-uv@*",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "reason"), FOUND.values(), ids=FOUND)
def test_what_an_organization_refuses(examine, changes, reason):
    """Only its owners change that: harden does not try."""
    found = examine(TEAM | changes)[OWN]
    assert (found.state, found.command, found.check.calls) == ("missing", ASK, None)
    assert reason in found.reason
    assert exit_code([found]) == 1


FINE = {
    "all": {AT: OPEN},
    "this repository too": {
        AT: OPEN | {"enabled_repositories": "selected"},
        f"{AT}/repositories": {"rows": [{"full_name": "o/r"}]},
    },
    "what is used": {
        AT: OPEN | {"allowed_actions": "selected"},
        f"{AT}/selected-actions": PATTERNS | {"patterns_allowed": ["docker/*", "astral-sh/*"]},
    },
}


@pytest.mark.parametrize("changes", FINE.values(), ids=FINE)
def test_what_an_organization_allows(examine, changes):
    """Ours are pinned, and actions of this repository's own folders need no leave."""
    assert OWN not in examine(TEAM | changes)


def test_most_logins_cannot_see_the_policy_of_an_organization(examine):
    """So that is no failure: the repository's own policy is seen."""
    found = examine(TEAM | {AT: (403, {"message": "Must have admin rights"})})[OWN]
    assert (found.state, exit_code([found])) == ("unseen", 0)


@pytest.mark.parametrize("ref", ["v7", "main", "3d3c42e"])
@pytest.mark.parametrize("file", ["workflows/own.yml", "actions/own/action.yml"])
def test_an_action_by_a_name_that_moves(examine, tmp_path, file, ref):
    """Does not start where commits are required; elsewhere it does."""
    path = tmp_path / ".github" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"- uses: ./.github/actions/setup\n- uses: actions/cache@{ref}\n")
    found = examine()[USABLE]
    assert (found.state, found.reason) == (
        "missing",
        f"not pinned to a commit: actions/cache@{ref}",
    )
    loose = RIGHT["/actions/permissions"] | {"sha_pinning_required": False}
    assert USABLE not in examine({"/actions/permissions": loose})
