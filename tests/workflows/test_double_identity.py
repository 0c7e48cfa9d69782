"""Identities that the double gives to jobs are verified as a cloud would verify GitHub's."""

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


# Of each claim of GitHub's own example of a token, for a job that no environment holds.
# https://docs.github.com/en/actions/reference/security/oidc
DOCUMENTED = """jti sub aud ref sha repository repository_owner actor_id repository_visibility
repository_id repository_owner_id run_id run_number run_attempt runner_environment actor workflow
head_ref base_ref event_name ref_type ref_protected workflow_ref workflow_sha job_workflow_ref
job_workflow_sha iss nbf exp iat""".split()


def test_every_documented_claim_is_there(github: Double):
    """And it holds for minutes only."""
    claims = verified(github, identity(github, github.token("ci/x", {"id-token": "write"})))
    assert set(DOCUMENTED) <= set(claims)
    assert 0 < claims["exp"] - claims["iat"] <= 600
    assert claims["ref_protected"] == "false"
    github.protect("refs/heads/main")
    claims = verified(github, identity(github, github.token("ci/x", {"id-token": "write"})))
    assert claims["ref_protected"] == "true"


def test_somebody_else_has_another_subject(github: Double):
    """By name, and since subjects hold ids by those too: a name can be taken over."""
    with_ids = "@" in CREATED[github.created]
    for more, own, since in (
        ({"repository": "evil/flight-delays"}, "evil/flight-delays", "evil@9919"),
        ({"repository_id": "7"}, REPOSITORY, "flight-delays@7:"),
        ({"repository_owner_id": "7"}, REPOSITORY, "octo-org@7/"),
        ({"environment": "a:b"}, REPOSITORY, ":environment:a%3Ab"),
    ):
        token = github.token("ci/x", {"id-token": "write"}, **more)
        claims = verified(github, identity(github, token))
        assert (since if with_ids else own) in claims["sub"]
        assert claims["job_workflow_ref"].startswith(claims["repository"] + "/")


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


@pytest.fixture
def deploy(github: Double):
    """Return a function that deploys a site as a job does, and gives GitHub's answer."""
    admin = {"Authorization": f"Bearer {github.person()}"}
    url = f"{github.api_url}/repos/{REPOSITORY}/pages"
    assert httpx.post(url, headers=admin, json={"build_type": "workflow"}).status_code == 201

    def run(version: str = "abc", value: str = "", **claims: str) -> httpx.Response:
        grants = {"pages": "write", "id-token": "write"}
        token = github.token("monitor/publish", grants, **claims)
        body = {"artifact_id": 1, "pages_build_version": version}
        body["oidc_token"] = value or identity(github, token)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{url}/deployments", headers=headers, json=body)

    return run


PAGES = {"environment": "github-pages"}


def test_pages_wants_an_identity_with_an_environment(github: Double, deploy):
    """A site is deployed with the identity of a job of an environment, and with nothing else."""
    assert deploy(value="guess", **PAGES).status_code == 400
    refused = deploy()
    assert refused.status_code == 400 and "Missing environment" in refused.json()["message"]
    made = deploy(**PAGES).json()
    headers = {"Authorization": f"Bearer {github.token('a/b', {'pages': 'read'})}"}
    assert httpx.get(made["status_url"], headers=headers).json() == {"status": "succeed"}


def test_pages_of_a_branch_take_nothing_of_another(github: Double, deploy):
    """As long as the site is built from gh-pages."""
    github.store.get("pages", "site").update(build_type="legacy", source={"branch": "gh-pages"})
    refused = deploy(**PAGES)
    assert refused.status_code == 400 and "only allowed from gh-pages" in refused.json()["message"]
    assert deploy(**PAGES, ref="refs/heads/gh-pages").status_code == 200


def test_pages_takes_one_deployment_at_a_time(github: Double, deploy):
    """And the same commit again, once it ended."""
    github.settings["pages status"] = "syncing_files"
    assert deploy(**PAGES).status_code == 200
    assert "in progress deployment" in deploy(version="def", **PAGES).json()["message"]
    github.store.get("pages deployments", "abc")["status"] = "succeed"
    assert deploy(**PAGES).status_code == 200
