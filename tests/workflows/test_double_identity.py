"""Identities that the double gives to jobs are verified as a cloud would verify GitHub's."""

from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from .double import Double

REPOSITORY = "octo-org/flight-delays"
# How a subject begins, by the day on which the repository was created.
CREATED = {
    "2026-07-14T23:59:59Z": "repo:octo-org/flight-delays",
    "2026-07-15T00:00:00Z": "repo:octo-org@9919/flight-delays@1296269",
}


@pytest.fixture(params=CREATED, ids=["before ids", "with ids"])
def github(request):
    """Return a double of a public repository, one from before subjects had ids and a later one."""
    with Double(REPOSITORY, created=request.param) as double:
        yield double


def identity(github: Double, token: str, audience: str = "") -> str:
    """Ask for an identity as actions/toolkit does."""
    env = github.environment(token)
    url = env["ACTIONS_ID_TOKEN_REQUEST_URL"] + (f"&audience={audience}" if audience else "")
    bearer = {"Authorization": f"Bearer {env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    return httpx.get(url, headers=bearer).raise_for_status().json()["value"]


def verified(github: Double, value: str) -> dict[str, str]:
    """Return the claims, verified with nothing but the published documents."""
    found = httpx.get(f"{github.url}/oidc/.well-known/openid-configuration").json()
    keys = KeySet.import_key_set(httpx.get(found["jwks_uri"]).json())
    claims = jwt.decode(value, keys, algorithms=["RS256"]).claims
    assert claims["iss"] == found["issuer"]
    return claims


@pytest.mark.parametrize(
    ("context", "subject"),
    [
        ({}, "ref:refs/heads/main"),
        ({"environment": "production"}, "environment:production"),
        ({"event_name": "pull_request", "ref": "refs/pull/7/merge"}, "pull_request"),
    ],
    ids=["push", "environment", "pull request"],
)
def test_identity_says_what_github_says(github: Double, context: dict[str, str], subject: str):
    """The subject follows environment, then event, then ref."""
    token = github.token("release/production", {"id-token": "write"}, **context)
    claims = verified(github, identity(github, token, "sts.example"))
    assert (claims["sub"], claims["aud"]) == (f"{CREATED[github.created]}:{subject}", "sts.example")
    path = f"{REPOSITORY}/.github/workflows/release.yml@{context.get('ref', 'refs/heads/main')}"
    assert claims["workflow_ref"] == claims["job_workflow_ref"] == path
    assert github.unused_grants("release/production") == []


def test_a_policy_can_be_written_beforehand(github: Double):
    """The API tells how subjects begin, and the ids, which both are claims too."""
    url = f"{github.api_url}/repos/{REPOSITORY}"
    bearer = {"Authorization": f"Bearer {github.person()}"}
    told = httpx.get(f"{url}/actions/oidc/customization/sub", headers=bearer).json()
    about = httpx.get(url, headers=bearer).json()
    claims = verified(github, identity(github, github.token("ci/x", {"id-token": "write"})))
    assert told["sub_claim_prefix"] == CREATED[github.created] == claims["sub"].rsplit(":ref:")[0]
    assert told["use_immutable_subject"] == ("@" in claims["sub"])
    ids = [claims["repository_id"], claims["repository_owner_id"]]
    assert ids == [str(about["id"]), str(about["owner"]["id"])]


def test_no_identity_without_the_grant(github: Double):
    """The runner does not even say whom to ask; who asks anyway is refused."""
    token = github.token("release/build", {"contents": "read"})
    assert "ACTIONS_ID_TOKEN_REQUEST_URL" not in github.environment(token)
    bearer = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{github.url}/oidc/token", headers=bearer).status_code == 403


def test_pages_wants_an_identity(github: Double, tmp_path: Path):
    """A site is deployed with the identity of a job, and with nothing else."""
    repo = f"{github.api_url}/repos/{REPOSITORY}/pages"
    admin = {"Authorization": f"Bearer {github.person()}"}
    assert httpx.post(repo, headers=admin, json={"build_type": "workflow"}).status_code == 201
    token = github.token("release/pages", {"pages": "write", "id-token": "write"})
    bearer, sent = {"Authorization": f"Bearer {token}"}, {"pages_build_version": "abc"}
    for value, status in (("guess", 400), (identity(github, token), 200)):
        body = sent | {"artifact_id": 1, "oidc_token": value}
        answer = httpx.post(f"{repo}/deployments", headers=bearer, json=body)
        assert answer.status_code == status
    found = httpx.get(f"{repo}/deployments/abc", headers=bearer).json()
    assert found == {"status": "succeed"}
