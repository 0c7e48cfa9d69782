"""What doctor finds and harden sends, against a GitHub on loopback that remembers settings."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from github_settings import ALL, EMPTY, MAIN, RIGHT, TAGS, about

from mlops_loop.commands import repository
from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository
from mlops_loop.repository import checks, doctor, rulesets
from mlops_loop.repository.github_state import RepositoryState

UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."


def test_a_repository_that_has_all(examine, github_settings):
    """Nothing is found, nothing is planned, nothing is written."""
    assert examine() == {}
    done = CliRunner().invoke(repository.harden, ["--yes"])
    assert "Nothing to set." in done.output
    assert github_settings.sent == []


def policy(**changes):
    return {"/actions/permissions": RIGHT["/actions/permissions"] | changes}


def selected(*patterns, own=True):
    given = {"github_owned_allowed": own, "patterns_allowed": list(patterns)}
    return {"/actions/permissions/selected-actions": given}


def tags(**changes):
    return {"/rulesets/1": TAGS | changes}


def production(**changes):
    return {"/environments/production": RIGHT["/environments/production"] | changes}


LOOSE = {"type": "required_status_checks", "parameters": {"required_status_checks": []}}
CHECKED = "Only what passed its checks reaches main"
KEPT = "main is never rewritten or deleted"
LEDGER = "Tags of the registry are never moved or removed"
DEPLOYS = "Only main deploys to production"
USABLE = "The actions that workflows use may run"
OTHERS = "No other actions run, and none unpinned"
IDLE = {"rows": [{"id": 7, "path": "monitor.yml", "state": "disabled_inactivity"}]}
FOUND = {
    "workflows off": (policy(enabled=False), "Workflows run", "missing", "switched off"),
    "only own actions": (policy(allowed_actions="local_only"), USABLE, "missing", "actions/*"),
    "not ours": (selected("docker/*"), USABLE, "missing", "astral-sh/setup-uv@*"),
    "heeded in public only": (
        about(private=True) | selected("*"), USABLE, "missing", "docker/login-action@*",
    ),
    "not GitHub's": (selected("*", own=False), USABLE, "missing", "github/*"),
    "any action": (policy(allowed_actions="all"), OTHERS, "optional", "any action"),
    "unpinned": (policy(sha_pinning_required=False), OTHERS, "optional", "by a tag"),
    "token": (
        {"/actions/permissions/workflow": {"default_workflow_permissions": "write"}},
        "A job's token reads, unless the job asks for more", "missing", "it may write",
    ),
    "idle": (
        {"/actions/workflows": IDLE}, "Scheduled workflows are switched on", "missing", "monitor",
    ),
    "master": (
        about(default_branch="master") | {"/rules/branches/master": MAIN["rules"]},
        "The default branch is main", "missing", "another name",
    ),
    "no check": (
        {"/rules/branches/main": [*MAIN["rules"][:2], LOOSE]}, CHECKED, "missing", "not required",
    ),
    "rewritable": ({"/rules/branches/main": MAIN["rules"][1:]}, KEPT, "missing", "it may be"),
    "no ruleset": ({"/rulesets": []}, LEDGER, "missing", "refs/tags/model@*, refs/tags/model#*"),
    "only watched": (tags(enforcement="evaluate"), LEDGER, "missing", "refs/tags/model@*"),
    "movable": (tags(rules=[{"type": "deletion"}]), LEDGER, "missing", "refs/tags/model@*"),
    "one of two": (
        tags(conditions={"ref_name": {"include": [rulesets.TAGS[0]], "exclude": []}}),
        LEDGER, "missing", "refs/tags/model#*",
    ),
    "but for some": (
        tags(conditions={"ref_name": {"include": ["~ALL"], "exclude": ["refs/tags/model@v1*"]}}),
        LEDGER, "missing", "refs/tags/model@*",
    ),
    "no environment": ({"/environments/production": 404}, DEPLOYS, "optional", "no environment"),
    "any branch": (production(deployment_branch_policy=None), DEPLOYS, "optional", "any branch"),
    "others too": (
        {"/environments/production/deployment-branch-policies": {"rows": [{"name": "*"}]}},
        DEPLOYS, "optional", "these may deploy: *",
    ),
    "no reviewer": (
        production(protection_rules=[]), "A person is asked before production", "optional",
        "there are no reviewers",
    ),
    "no reviewer, privately": (
        about(private=True) | production(protection_rules=[]),
        "A person is asked before production", "optional", "which only Enterprise has",
    ),
    "variable": (
        {"/actions/variables": EMPTY}, "Variable PRODUCTION_URL", "optional", "not set",
    ),
    "label": ({"/labels/gate-override": 404}, "Label gate-override", "optional", "there is none"),
    "alerts": (
        {"/vulnerability-alerts": 404}, "Known vulnerabilities of dependencies are reported",
        "optional", "switched off",
    ),
    "fixes": (
        {"/automated-security-fixes": 404}, "Dependabot fixes them", "optional", "switched off",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "name", "state", "reason"), FOUND.values(), ids=FOUND)
def test_what_is_not_right_is_found(github_settings, changes, name, state, reason):
    """With its state and the reason."""
    github_settings.settings |= changes
    (check,) = [check for check in checks.CHECKS if check.name == name]
    (found,) = doctor.diagnose(RepositoryState(Repository()), [check])
    assert found.state == state
    assert reason in found.reason


FINE = {
    "classic protection": {
        "/rules/branches/main": [],
        "/branches/main/protection": {"required_status_checks": {"contexts": [rulesets.CHECK]}},
    },
    "any action, privately": about(private=True)
    | policy(allowed_actions="all")
    | {"/rulesets": RIGHT["/rulesets"]},
    "all tags": tags(conditions={"ref_name": {"include": ["~ALL"], "exclude": []}}),
    "protected branches deploy": production(deployment_branch_policy={"protected_branches": True}),
    "a person switched it off": {
        "/actions/workflows": {"rows": [{"id": 1, "path": "w", "state": "disabled_manually"}]}
    },
}


@pytest.mark.parametrize("changes", FINE.values(), ids=FINE)
def test_other_ways_are_right_too(examine, changes):
    """What a team set its own way is left alone."""
    assert examine(changes) == {}


def test_what_a_plan_lacks_is_no_fault(examine, github_settings):
    """A private repository on the free plan exits with 0, and says what it lacks."""
    refused = (403, {"message": UPGRADE})
    changes = about(private=True) | policy(allowed_actions="all")
    found = examine(changes | {"/rules/branches/main": refused, "/rulesets": refused})
    lacks = [CHECKED, KEPT, LEDGER, DEPLOYS, "A person is asked before production"]
    assert {name: finding.state for name, finding in found.items()} == dict.fromkeys(
        lacks, "not on plan"
    )
    done = CliRunner().invoke(repository.doctor)
    assert done.exit_code == 0
    assert "private repository on the free plan has no attestations" in done.output


def test_a_login_that_may_not_see_says_so(examine):
    """Not that the setting is missing, and not that all is right: 9."""
    rights = dict.fromkeys(ALL, False) | {"pull": True}
    found = examine(about(permissions=rights) | {"/rules/branches/main": []})
    assert {finding.state for finding in found.values()} == {"unseen"}
    assert {CHECKED, KEPT, "Workflows run"} <= found.keys()
    assert doctor.exit_code(found.values()) == 9


def test_an_outage_is_no_finding(examine):
    """Neither is a limit: doctor itself fails."""
    with pytest.raises(GitHubRefused, match="503"):
        examine({"/rulesets": (503, {"message": "Unicorn"})})
    limited = (403, {"message": "You have exceeded a secondary rate limit"})
    with pytest.raises(GitHubRefused, match="60 s or later") as refused:
        examine({"/rulesets": limited})
    assert refused.value.status == 429


def test_doctor_tells_what_to_do(github_settings):
    """In words with the next command or page, and to machines as JSON."""
    github_settings.settings |= {"/actions/secrets": EMPTY, "/labels/gate-override": 404}
    text = CliRunner().invoke(repository.doctor)
    assert text.exit_code == 1
    assert "o/r on GitHub: public; your role is admin." in text.output
    assert "next: gh secret set STORE_PASSWORD\n" in text.output
    facts = json.loads(CliRunner().invoke(repository.doctor, ["--json"]).output)
    (label,) = [row for row in facts["settings"] if row["setting"] == "Label gate-override"]
    assert (label["state"], label["required"]) == ("optional", False)
    assert "harden, or https://x/o/r/labels" in label["next"]


def test_harden_asks_first(github_settings):
    """Without a terminal it only shows what it would send."""
    github_settings.settings["/labels/gate-override"] = 404
    done = CliRunner().invoke(repository.harden)
    assert done.exit_code == 0
    assert 'issues.create_label {"name": "gate-override"' in done.output
    assert "Nothing was set. Next:" in done.output
    assert github_settings.sent == []


FRESH = {
    **policy(allowed_actions="all", sha_pinning_required=False),
    "/rules/branches/main": [],
    "/rulesets": [],
    "/environments/production": 404,
    "/labels/gate-override": 404,
    "/vulnerability-alerts": 404,
    "/automated-security-fixes": 404,
}


def test_harden_sends_what_is_missing_and_no_more(github_settings):
    """Each call once, in an order in which GitHub takes them."""
    github_settings.settings |= FRESH
    assert CliRunner().invoke(repository.harden, ["--yes"]).exit_code == 0
    assert [(method, path) for method, path, _ in github_settings.sent] == [
        ("PUT", "/actions/permissions"),
        ("PUT", "/actions/permissions/selected-actions"),
        ("POST", "/rulesets"),
        ("POST", "/rulesets"),
        ("PUT", "/environments/production"),
        ("POST", "/environments/production/deployment-branch-policies"),
        ("POST", "/labels"),
        ("PUT", "/vulnerability-alerts"),
        ("PUT", "/automated-security-fixes"),
    ]
    assert [body for _, path, body in github_settings.sent if path == "/rulesets"] == [MAIN, TAGS]


def test_a_refusal_does_not_stop_the_others(github_settings):
    """The end says what was not set and why; the rest is."""
    github_settings.settings |= FRESH
    github_settings.refused["/rulesets"] = (403, {"message": "Resource not accessible"})
    done = CliRunner().invoke(repository.harden, ["--yes"])
    assert isinstance(done.exception, GitHubRefused)
    assert f"Not set: {CHECKED}; {KEPT}: GitHub" in str(done.exception)
    assert "set: Label gate-override\n" in done.output
    assert github_settings.sent[-1][1] == "/automated-security-fixes"


def test_a_limit_stops_the_rest(github_settings):
    """Which is named, and not tried."""
    github_settings.settings |= FRESH
    github_settings.refused["/labels"] = (429, {"message": "Too many requests"})
    done = CliRunner().invoke(repository.harden, ["--yes"])
    assert "Dependabot fixes them: not tried after that" in str(done.exception)
    assert {path for _, path, _ in github_settings.sent}.isdisjoint({"/vulnerability-alerts"})


def test_our_own_ruleset_is_brought_back(github_settings):
    """Not made twice under one name, which GitHub refuses."""
    github_settings.settings |= tags(id=1, enforcement="disabled")
    CliRunner().invoke(repository.harden, ["--yes"])
    assert github_settings.sent == [("PUT", "/rulesets/1", TAGS)]


def test_what_protects_an_environment_stays(github_settings):
    """GitHub would drop reviewers and waiting time that a change does not name."""
    who = {"type": "User", "reviewer": {"id": 5}}
    rows = [
        {"type": "required_reviewers", "reviewers": [who], "prevent_self_review": True},
        {"type": "wait_timer", "wait_timer": 10},
    ]
    github_settings.settings |= production(deployment_branch_policy=None, protection_rules=rows)
    CliRunner().invoke(repository.harden, ["--yes"])
    _, path, body = github_settings.sent[0]
    assert path == "/environments/production"
    assert body["reviewers"] == [{"type": "User", "id": 5}]
    assert (body["wait_timer"], body["prevent_self_review"]) == (10, True)
