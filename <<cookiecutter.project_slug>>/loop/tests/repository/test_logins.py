"""Secrets and variables: what jobs, and runs of Dependabot, need to log in."""

from __future__ import annotations

import pytest
from github_settings import CI, PACKAGE, VARIABLES, about, secrets, variables

STORE, IMAGE = "The store's login is known", "The image's login is known"
DEPENDABOT = "Runs of Dependabot know the secrets"
FOREIGN = VARIABLES | {"IMAGE_URL": "images.example.org/r"}
SAME_HOST = VARIABLES | {"IMAGE_URL": "registry.example.org/r"}
TEAM = about(owner={"login": "o", "type": "Organization"})
TEAM |= {"/orgs/o/packages/container/r": PACKAGE}
OWNERS = "/orgs/o/dependabot/secrets"
CHOSEN = {"name": "STORE_PASSWORD", "visibility": "selected"}
SHARED = f"{OWNERS}/STORE_PASSWORD/repositories"
FOUND = {
    "no password of the store": (
        secrets(), STORE, "missing", "registry.example.org needs STORE_PASSWORD",
        "gh secret set STORE_PASSWORD",
    ),
    "no keys of the bucket": (
        variables(STORE_URL="s3://bucket/dvc") | secrets(), STORE, "missing",
        "bucket needs STORE_USERNAME and STORE_PASSWORD",
        "gh variable set STORE_USERNAME --body USER; gh secret set STORE_PASSWORD",
    ),
    "no key of the container": (
        variables(STORE_URL="azure://container/dvc") | secrets(), STORE, "missing",
        "container needs STORE_USERNAME and STORE_PASSWORD",
        "gh variable set STORE_USERNAME --body USER; gh secret set STORE_PASSWORD",
    ),
    "half the keys of the host": (
        variables(STORE_URL="ssh://host/srv"), STORE, "missing", "host needs STORE_USERNAME",
        "gh variable set STORE_USERNAME --body USER",
    ),
    "only in the environment": (
        secrets() | {"/environments/production/secrets": {"rows": [{"name": "STORE_PASSWORD"}]}},
        STORE, "missing", "STORE_PASSWORD is set for the environment production, which no job",
        "gh secret set STORE_PASSWORD",
    ),
    "a foreign registry": (
        variables(**FOREIGN), IMAGE, "missing",
        "images.example.org needs IMAGE_USERNAME and IMAGE_PASSWORD",
        "gh variable set IMAGE_USERNAME --body USER; gh secret set IMAGE_PASSWORD",
    ),
    "half the login of a foreign registry": (
        variables(**FOREIGN) | secrets("STORE_PASSWORD", "IMAGE_PASSWORD"), IMAGE, "missing",
        "images.example.org needs IMAGE_USERNAME", "gh variable set IMAGE_USERNAME --body USER",
    ),
    "half the login of the store": (
        variables(**SAME_HOST), IMAGE, "missing", "registry.example.org needs STORE_USERNAME",
        "gh variable set STORE_USERNAME --body USER",
    ),
    "Dependabot": (
        secrets(kind="dependabot"), DEPENDABOT, "optional",
        "no secret of Dependabot: STORE_PASSWORD", "gh secret set STORE_PASSWORD --app dependabot",
    ),
    "Dependabot of an organization": (
        TEAM | secrets(kind="dependabot") | {OWNERS: {"rows": []}}, DEPENDABOT, "optional",
        "STORE_PASSWORD", "--app dependabot",
    ),
    "an organization's, for others": (
        TEAM | secrets(kind="dependabot")
        | {OWNERS: {"rows": [CHOSEN]}, SHARED: {"rows": [{"full_name": "o/other"}]}},
        DEPENDABOT, "optional", "STORE_PASSWORD", "--app dependabot",
    ),
    "an organization's, for private ones": (
        TEAM | secrets(kind="dependabot")
        | {OWNERS: {"rows": [CHOSEN | {"visibility": "private"}]}},
        DEPENDABOT, "optional", "STORE_PASSWORD", "--app dependabot",
    ),
    "an organization's, unseen": (
        TEAM | secrets(kind="dependabot") | {OWNERS: (403, {"message": "Must be an owner"})},
        DEPENDABOT, "unseen", "only owners see those of the organization", "",
    ),
    "the store's address only in the environment": (
        variables() | {"/environments/production/variables": {"rows": [{"name": "STORE_URL"}]}},
        "Variable STORE_URL", "optional", "set for the environment production", "",
    ),
    "the endpoint's address only in the environment": (
        variables()
        | {"/environments/production/variables": {"rows": [{"name": "PRODUCTION_URL"}]}},
        "Variable PRODUCTION_URL", "optional", "set for the environment production", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name", "state", "reason", "command"), FOUND.values(), ids=FOUND
)
def test_what_is_not_right_is_found(examine, changes, name, state, reason, command):
    """With its state, the reason, and the commands that set it."""
    found = examine(changes)[name]
    assert found.state == state
    assert command in found.command
    assert reason in found.reason


FINE = {
    "GitHub's own": (variables() | secrets(), {STORE, IMAGE, DEPENDABOT}),
    "GitHub's own, by another name": (
        variables(STORE_URL="https://ghcr.io/o/old/store", IMAGE_URL="ghcr.io/o/old") | secrets(),
        {STORE, IMAGE},
    ),
    "one login for both": (variables(**SAME_HOST, STORE_USERNAME="ada"), {STORE, IMAGE}),
    "a login for each": (
        variables(**FOREIGN, IMAGE_USERNAME="ada") | secrets("STORE_PASSWORD", "IMAGE_PASSWORD"),
        {STORE, IMAGE, DEPENDABOT},
    ),
    "an organization's, for all": (
        TEAM
        | secrets(kind="dependabot")
        | {OWNERS: {"rows": [CHOSEN]}, SHARED: {"rows": [{"full_name": "o/r"}]}},
        {DEPENDABOT},
    ),
}


@pytest.mark.parametrize(("changes", "names"), FINE.values(), ids=FINE)
def test_what_is_right_is_left_alone(examine, changes, names):
    """By the rule of the jobs: each login is for its host."""
    assert names.isdisjoint(examine(changes))


def test_dependabot_needs_no_login_of_a_tracker(examine, tmp_path):
    """Its runs publish nothing."""
    workflow = CI.replace("STORE_PASSWORD", "MLFLOW_TRACKING_TOKEN")
    (tmp_path / ".github/workflows/ci.yml").write_text(workflow)
    given = secrets("MLFLOW_TRACKING_TOKEN") | secrets(kind="dependabot")
    assert DEPENDABOT not in examine(given)


def test_only_workflows_of_pull_requests_count(examine, tmp_path):
    """Dependabot starts no others; without its configuration it starts none."""
    (tmp_path / ".github/workflows/ci.yml").write_text(CI.replace("pull_request", "push"))
    assert DEPENDABOT not in examine(secrets(kind="dependabot"))
    (tmp_path / ".github/workflows/ci.yml").write_text(CI)
    (tmp_path / ".github/dependabot.yml").unlink()
    assert DEPENDABOT not in examine()
