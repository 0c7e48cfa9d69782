"""The double refuses what GitHub refuses, and is itself held to GitHub's description."""

import base64
import gzip
import json
from collections import defaultdict
from pathlib import Path

import httpx
import pytest
from conftest import check, run

from .double import Double, description, npm, rights, routes

REPOSITORY = "octo-org/flight-delays"
REPO = f"/repos/{REPOSITORY}"


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Return a bare repository with a commit on main and one more on feature."""
    work, bare = tmp_path / "work", tmp_path / "origin.git"
    check("git", "init", "--quiet", work, cwd=tmp_path)
    for branch, name in (("main", "README.md"), ("feature", "params.yaml")):
        check("git", "checkout", "--quiet", "-B", branch, cwd=work)
        (work / name).write_text("one\ntwo\n")
        check("git", "add", ".", cwd=work)
        check("git", "commit", "--quiet", "-m", name, cwd=work)
    check("git", "clone", "--quiet", "--bare", work, bare, cwd=tmp_path)
    check("git", "symbolic-ref", "HEAD", "refs/heads/main", cwd=bare)
    return bare


@pytest.fixture
def github(origin: Path):
    """Return a double of a private repository with pull request 7."""
    with Double(REPOSITORY, private=True, origin=origin) as double:
        double.pull("feature", number=7)
        yield double


def ask(github: Double, method: str, path: str, token: str = "", **options) -> httpx.Response:
    """Send a request as a job does."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = path if path.startswith("http") else github.api_url + path
    return httpx.request(method, url, headers=headers | options.pop("headers", {}), **options)


def clone(github: Double, token: str, folder: Path) -> Path:
    """Clone as actions/checkout does: the token in an extra header."""
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    header = f"http.{github.url}/.extraheader=AUTHORIZATION: basic {login}"
    url = f"{github.url}/{REPOSITORY}"
    check("git", "clone", "--quiet", "--config", header, url, folder, cwd=folder.parent)
    return folder


def push(folder: Path, ref: str, name: str = "new.txt"):
    """Commit a new file and push it."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("new\n")
    check("git", "add", ".", cwd=folder)
    check("git", "commit", "--quiet", "-m", "New", cwd=folder)
    return run("git", "push", "origin", f"HEAD:{ref}", cwd=folder)


@pytest.mark.parametrize(
    ("permissions", "status"),
    [({"pull-requests": "write"}, 201), ({"pull-requests": "read"}, 403), ({}, 403)],
    ids=["granted", "only read", "nothing"],
)
def test_comment_needs_its_grant(github: Double, permissions: dict[str, str], status: int):
    """A comment on a pull request is refused to a job without the grant, as on GitHub."""
    token = github.token("ci/report", permissions)
    answer = ask(github, "POST", f"{REPO}/issues/7/comments", token, json={"body": "Hello"})
    assert answer.status_code == github.calls[-1].status == status
    assert len(github.comments(7)) == (status == 201)
    if status == 403:
        assert answer.json()["message"] == "Resource not accessible by integration"
        assert "pull_requests=write" in answer.headers["x-accepted-github-permissions"]


def test_fork_gets_a_token_that_reads(github: Double):
    """What a fork's pull request asks for beyond read is not given."""
    token = github.token("ci/report", {"pull-requests": "write", "id-token": "write"}, fork=True)
    assert ask(github, "GET", f"{REPO}/issues/7/comments", token).status_code == 200
    answer = ask(github, "POST", f"{REPO}/issues/7/comments", token, json={"body": "Hello"})
    assert answer.status_code == 403


@pytest.mark.parametrize(("token", "status"), [("", 404), ("ghs_unknown", 401)])
def test_stranger_sees_nothing_of_a_private_repository(github: Double, token: str, status: int):
    """No token hides a private repository; an unknown one is a bad credential."""
    assert ask(github, "GET", f"{REPO}/pulls/7", token).status_code == status


@pytest.mark.parametrize(
    "permissions",
    [{"pull_requests": "write"}, {"issues": "admin"}, {"id-token": "read"}],
    ids=["name", "level", "identity to read"],
)
def test_unknown_permission_is_no_workflow(github: Double, permissions: dict[str, str]):
    """What GitHub would not read as a workflow gets no token."""
    with pytest.raises(ValueError, match="GitHub"):
        github.token("ci/report", permissions)


def test_unused_grants(github: Double):
    """A grant is used by the call that needs it, also by git; the rest is told."""
    grants = {"contents": "read", "issues": "write", "packages": "read"}
    token = github.token("ci/lint", grants)
    clone(github, token, Path(github.origin).parent / "clone")
    ask(github, "GET", f"{REPO}/issues", token)
    assert github.unused_grants("ci/lint") == ["issues: write", "packages: read"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", f"{REPO}/issues/7/comments", {"text": "Hello"}, 422, "'body' is a required"),
        ("POST", f"{REPO}/issues", {"title": "A", "lables": []}, 422, "unknown property lables"),
        ("GET", f"{REPO}/issues?labels=a&stat=open", None, 422, "unknown query parameter stat"),
        ("GET", f"{REPO}/issue/7", None, 404, "no such operation"),
        ("GET", f"{REPO}/topics", None, 501, "repos/get-all-topics is not in the double yet"),
    ],
    ids=["missing", "misspelt property", "misspelt query", "unknown path", "not in the double"],
)
def test_wrong_request_fails_the_test(origin, method, path, body, status, told):
    """A request that GitHub's description does not allow is refused, and told at the end."""
    with pytest.raises(AssertionError, match=told), Double(REPOSITORY, origin=origin) as github:
        github.pull("feature", number=7)
        token = github.token("ci/report", "write-all")
        assert ask(github, method, path, token, json=body).status_code == status


def test_wrong_answer_fails_the_test(origin: Path):
    """The double's own answers are held to the description too."""
    with pytest.raises(AssertionError, match=r"own answer.*state"), Double(origin=origin) as github:
        github.issue("Title", number=3)["state"] = 7
        ask(github, "GET", f"{REPO}/issues/3")


def test_lists_come_in_pages(github: Double):
    """The Link header leads through all rows."""
    for number in range(65):
        github.issue(f"Issue {number}")
    url, seen, token = f"{REPO}/issues?per_page=30", [], github.token("a/b", {"issues": "read"})
    for _ in range(3):
        answer = ask(github, "GET", url, token)
        seen += [row["number"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert url is None
    assert len(seen) == len(set(seen)) == 66  # the pull request is an issue too


@pytest.mark.parametrize(
    ("status", "code", "header"),
    [
        (502, 502, "date"),
        ("rate limit", 403, "x-ratelimit-reset"),
        ("secondary limit", 403, "retry-after"),
        ("too many", 429, "retry-after"),
    ],
)
def test_faults_pass(github: Double, status: int | str, code: int, header: str):
    """A request fails as often as the scenario says, then goes through."""
    token = github.token("ci/report", {"pull-requests": "write"})
    github.fail("POST", r".*/comments", status, times=2)
    url, body = f"{REPO}/issues/7/comments", {"body": "Hello"}
    answers = [ask(github, "POST", url, token, json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [code, code, 201]
    assert header in answers[0].headers


@pytest.mark.parametrize(("status", "kept"), [("cut", 0), ("lost", 1)])
def test_cut_connections(github: Double, status: str, kept: int):
    """A connection is cut before the work is done, or after."""
    token = github.token("ci/report", {"pull-requests": "write"})
    github.fail("POST", r".*/comments", status)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(github, "POST", f"{REPO}/issues/7/comments", token, json={"body": "Hello"})
    assert len(github.comments(7)) == kept


def test_git_fetch_needs_contents(github: Double, tmp_path: Path):
    """A private repository is not found without contents: read."""
    clone(github, github.token("ci/lint", {"contents": "read"}), tmp_path / "one")
    with pytest.raises(AssertionError, match="not found"):
        clone(github, github.token("ci/lint", {"packages": "read"}), tmp_path / "two")


def test_git_push_needs_contents_write(github: Double, tmp_path: Path):
    """A push without the grant is refused; one with it is recorded under its job."""
    reader = clone(github, github.token("ci/lint", {"contents": "read"}), tmp_path / "one")
    assert "403" in push(reader, "refs/heads/new").stderr
    writer = clone(github, github.token("retrain/propose", {"contents": "write"}), tmp_path / "two")
    assert push(writer, "refs/heads/new").returncode == 0
    assert [(row["ref"], row["job"]) for row in github.pushes] == [
        ("refs/heads/new", "retrain/propose")
    ]


@pytest.mark.parametrize(
    ("ref", "name", "told"),
    [
        ("refs/heads/main", "new.txt", "GH013"),
        ("refs/heads/new", ".github/workflows/ci.yml", "without workflows permission"),
    ],
    ids=["protected branch", "workflow file"],
)
def test_git_push_of_a_job_has_limits(github: Double, tmp_path: Path, ref, name, told):
    """A job pushes neither to a protected branch nor a workflow; an admin does both."""
    github.protect("refs/heads/main")
    job = clone(github, github.token("a/b", {"contents": "write"}), tmp_path / "job")
    assert told in push(job, ref, name).stderr
    person = clone(github, github.person(role="admin"), tmp_path / "person")
    assert push(person, ref, name).returncode == 0


def test_a_job_makes_refs_only_with_the_workflows_of_a_branch(github: Double, tmp_path: Path):
    """A tag of the commit before a change of a workflow is refused, over git and the API."""
    before = check("git", "rev-parse", "main", cwd=github.origin).strip()
    person = clone(github, github.person(role="admin"), tmp_path / "person")
    push(person, "refs/heads/main", ".github/workflows/ci.yml")
    check("git", "push", "--force", "origin", "HEAD:feature", cwd=person)  # all branches have it
    token = github.token("release/production", {"contents": "write"})
    job = clone(github, token, tmp_path / "job")
    for commit, accepted in ((before, False), ("HEAD", True)):
        done = run("git", "push", "origin", f"{commit}:refs/tags/v-{accepted}", cwd=job)
        assert (done.returncode == 0) == accepted == ("without workflows" not in done.stderr)
        sha = check("git", "rev-parse", commit, cwd=job).strip()
        body = {"ref": f"refs/tags/api-{accepted}", "sha": sha}
        answer = ask(github, "POST", f"{REPO}/git/refs", token, json=body)
        assert answer.status_code == (201 if accepted else 403)


def test_pull_request_is_read_from_the_origin(github: Double):
    """Files and commits of a pull request are those of its branches."""
    token = github.token("ci/report", {"pull-requests": "read"})
    pull = ask(github, "GET", f"{REPO}/pulls/7", token).json()
    (file,) = ask(github, "GET", f"{REPO}/pulls/7/files", token).json()
    assert (file["filename"], file["status"], file["additions"]) == ("params.yaml", "added", 2)
    found = ask(github, "GET", f"{REPO}/commits/{pull['head']['sha']}/pulls", token).json()
    assert [row["number"] for row in found] == [7]


WORKFLOW = """\
name: Retrain
on:
  workflow_dispatch:
    inputs:
      reason: {required: true, type: string}
jobs: {}
"""
HEAD = "{sha}"
# Every route once: who asks, what, and the status that GitHub gives.
ROUTES = [
    ("job", "GET", "", None, 200),
    ("job", "GET", "/issues/7", None, 200),
    ("job", "POST", "/issues", {"title": "Drift", "labels": ["monitor"]}, 201),
    ("job", "PATCH", "/issues/8", {"state": "closed", "state_reason": "completed"}, 200),
    ("job", "GET", "/issues?state=all&labels=monitor", None, 200),
    ("job", "GET", "/labels", None, 200),
    ("job", "GET", "/labels/monitor", None, 200),
    ("job", "PATCH", "/labels/monitor", {"color": "ff0000"}, 200),
    ("job", "POST", "/labels", {"name": "monitor"}, 422),
    ("job", "GET", "/issues/8/labels", None, 200),
    ("job", "POST", "/issues/8/labels", {"labels": ["gate-override"]}, 200),
    ("job", "DELETE", "/issues/8/labels/monitor", None, 200),
    ("job", "DELETE", "/issues/8/labels/monitor", None, 404),
    ("job", "POST", "/issues/8/comments", {"body": "Hello"}, 201),
    ("job", "GET", "/issues/8/comments", None, 200),
    ("job", "GET", "/issues/comments/{comment}", None, 200),
    ("job", "PATCH", "/issues/comments/{comment}", {"body": "Bye"}, 200),
    ("job", "DELETE", "/issues/comments/{comment}", None, 204),
    ("job", "GET", "/pulls?state=open&base=main", None, 200),
    ("job", "GET", "/pulls/7", None, 200),
    ("job", "PATCH", "/pulls/7", {"body": "Why"}, 200),
    ("job", "GET", "/pulls/7/files", None, 200),
    ("job", "POST", "/pulls", {"title": "A", "head": "feature", "base": "main"}, 403),
    ("admin", "POST", "/pulls", {"title": "A", "head": "feature", "base": "main"}, 201),
    ("job", "GET", "/commits/{sha}/pulls", None, 200),
    ("job", "GET", "/actions/workflows", None, 200),
    ("job", "GET", "/actions/workflows/retrain.yml", None, 200),
    ("job", "PUT", "/actions/workflows/retrain.yml/disable", None, 204),
    ("job", "PUT", "/actions/workflows/retrain.yml/enable", None, 204),
    ("job", "POST", "/actions/workflows/retrain.yml/dispatches", {"ref": "main"}, 422),
    (
        "job",
        "POST",
        "/actions/workflows/retrain.yml/dispatches",
        {"ref": "main", "inputs": {"reason": "drift"}},
        204,
    ),
    ("admin", "POST", "/dispatches", {"event_type": "data-arrived"}, 204),
    ("job", "GET", "/actions/workflows/retrain.yml/runs?event=workflow_dispatch", None, 200),
    ("job", "GET", "/actions/runs?status=queued", None, 200),
    ("job", "GET", "/actions/runs/{run}", None, 200),
    ("job", "GET", "/actions/artifacts?name=monitor", None, 200),
    ("job", "GET", "/git/ref/heads/main", None, 200),
    ("job", "GET", "/git/matching-refs/heads/", None, 200),
    ("job", "POST", "/git/refs", {"ref": "refs/tags/model@v1", "sha": HEAD}, 201),
    ("job", "POST", "/git/refs", {"ref": "refs/tags/model@v1", "sha": HEAD}, 422),
    ("job", "PATCH", "/git/refs/heads/feature", {"sha": HEAD, "force": True}, 200),
    ("job", "DELETE", "/git/refs/heads/feature", None, 204),
    ("job", "GET", "/commits/main", None, 200),
    ("job", "GET", "/commits?sha=main&path=README.md", None, 200),
    ("job", "GET", "/branches/main", None, 200),
    ("job", "GET", "/compare/main...{sha}", None, 200),
    ("job", "GET", "/contents/.github/workflows/retrain.yml?ref=main", None, 200),
    ("job", "POST", "/statuses/{sha}", {"state": "pending", "context": "gate"}, 201),
    ("job", "GET", "/commits/{sha}/statuses", None, 200),
    ("job", "POST", "/deployments", {"ref": "main"}, 409),
    ("job", "POST", "/deployments", {"ref": "main", "required_contexts": []}, 201),
    ("job", "GET", "/deployments?environment=production", None, 200),
    ("job", "GET", "/deployments/{deployment}", None, 200),
    ("job", "POST", "/deployments/{deployment}/statuses", {"state": "success"}, 201),
    ("job", "GET", "/deployments/{deployment}/statuses", None, 200),
    ("job", "POST", "/check-runs", {"name": "gate", "head_sha": HEAD}, 201),
    ("job", "PATCH", "/check-runs/{check}", {"conclusion": "success"}, 200),
    ("job", "GET", "/commits/{sha}/check-runs?check_name=gate", None, 200),
    ("job", "POST", "/releases", {"tag_name": "v1.0.0", "target_commitish": "main"}, 201),
    ("job", "POST", "/releases", {"tag_name": "v1.0.0"}, 422),
    ("job", "GET", "/releases", None, 200),
    ("job", "GET", "/releases/latest", None, 200),
    ("job", "GET", "/releases/tags/v1.0.0", None, 200),
    ("job", "GET", "/releases/tags/v2.0.0", None, 404),
    ("job", "GET", "/releases/{release}", None, 200),
    ("job", "PATCH", "/releases/{release}", {"body": "Notes"}, 200),
    ("job", "POST", "{upload}/releases/{release}/assets?name=card.md", b"# Card", 201),
    ("job", "POST", "{upload}/releases/{release}/assets?name=card.md", b"# Card", 422),
    ("job", "GET", "/releases/{release}/assets", None, 200),
    ("job", "GET", "/releases/assets/{asset}", None, 200),
    ("job", "DELETE", "/releases/assets/{asset}", None, 204),
    ("job", "DELETE", "/releases/{release}", None, 204),
    ("job", "GET", "{api}/orgs/octo-org/packages?package_type=container", None, 200),
    ("job", "GET", "{packages}", None, 200),
    ("admin", "GET", "/actions/oidc/customization/sub", None, 200),
    ("admin", "GET", "/dependabot/secrets", None, 200),
    ("admin", "GET", "{api}/orgs/octo-org/dependabot/secrets", None, 403),
    ("owner", "GET", "{api}/orgs/octo-org/dependabot/secrets", None, 200),
    ("owner", "GET", "{api}/orgs/octo-org/dependabot/secrets/TOKEN/repositories", None, 200),
    ("admin", "GET", "/environments/elsewhere/secrets", None, 404),
    ("admin", "GET", "{api}/orgs/octo-org/actions/permissions", None, 403),
    ("owner", "GET", "{api}/orgs/octo-org/actions/permissions", None, 200),
    ("owner", "GET", "{api}/orgs/octo-org/actions/permissions/selected-actions", None, 409),
    ("owner", "GET", "{api}/orgs/octo-org/actions/permissions/repositories", None, 409),
    ("admin", "GET", "{api}/users/octo-org/packages?package_type=container", None, 404),
    ("admin", "GET", "{api}/repositories/1296269/labels", None, 200),
    ("job", "GET", "{packages}/versions?state=active", None, 200),
    ("job", "GET", "{packages}/versions/{version}", None, 200),
    ("job", "DELETE", "{packages}/versions/{version}", None, 204),
    ("job", "DELETE", "{packages}/versions/{version}", None, 400),
    ("job", "GET", "/dependency-graph/compare/main...{sha}", None, 200),
    ("job", "POST", "/code-scanning/sarifs", "{sarif}", 202),
    ("job", "GET", "/code-scanning/sarifs/{report}", None, 200),
    ("job", "POST", "/attestations", "{bundle}", 201),
    ("job", "GET", "/attestations/sha256:ab", None, 200),
    ("job", "GET", "/attestations/sha256:cd", None, 404),
    ("job", "GET", "/pages", None, 404),
    ("job", "POST", "/pages", {"build_type": "workflow"}, 403),
    ("admin", "POST", "/pages", {"build_type": "workflow"}, 201),
    ("job", "GET", "/pages", None, 200),
    ("job", "GET", "/actions/variables", None, 403),
    ("admin", "POST", "/actions/variables", {"name": "PRODUCTION_URL", "value": "x"}, 201),
    ("admin", "PATCH", "/actions/variables/PRODUCTION_URL", {"value": "y"}, 204),
    ("admin", "GET", "/actions/variables/PRODUCTION_URL", None, 200),
    ("admin", "GET", "/actions/variables", None, 200),
    ("admin", "DELETE", "/actions/variables/PRODUCTION_URL", None, 204),
    ("admin", "GET", "/environments/production", None, 404),
    (
        "admin",
        "PUT",
        "/environments/production",
        {"wait_timer": 5, "reviewers": [{"type": "User", "id": 1}]},
        200,
    ),
    ("job", "GET", "/environments/production", None, 200),
    ("job", "GET", "/environments", None, 200),
    ("admin", "POST", "/environments/production/variables", {"name": "A", "value": "b"}, 201),
    ("admin", "GET", "/environments/production/variables", None, 200),
    ("admin", "GET", "/environments/production/secrets", None, 200),
    ("admin", "GET", "/branches/main/protection", None, 404),
    (
        "admin",
        "PUT",
        "/branches/main/protection",
        {
            "required_status_checks": {"strict": True, "contexts": ["ci-ok"]},
            "enforce_admins": False,
            "required_pull_request_reviews": None,
            "restrictions": None,
        },
        200,
    ),
    ("admin", "GET", "/branches/main/protection", None, 200),
    ("job", "PATCH", "/git/refs/heads/main", {"sha": HEAD}, 422),
    (
        "admin",
        "POST",
        "/rulesets",
        {
            "name": "ledger",
            "target": "tag",
            "enforcement": "active",
            "conditions": {"ref_name": {"include": ["refs/tags/*"], "exclude": []}},
            "rules": [{"type": "deletion"}, {"type": "update"}],
        },
        201,
    ),
    ("job", "DELETE", "/git/refs/tags/v1.0.0", None, 422),
    ("job", "GET", "/rulesets", None, 200),
    ("job", "GET", "/rulesets/{ruleset}", None, 200),
    ("job", "GET", "/rules/branches/main", None, 200),
    ("job", "PUT", "/rulesets/{ruleset}", {"enforcement": "disabled"}, 403),
    ("admin", "PUT", "/rulesets/{ruleset}", {"enforcement": "disabled"}, 200),
    ("admin", "DELETE", "/rulesets/{ruleset}", None, 204),
    ("admin", "GET", "/actions/permissions", None, 200),
    ("admin", "PUT", "/actions/permissions", {"enabled": True, "allowed_actions": "all"}, 204),
    ("admin", "GET", "/actions/permissions/workflow", None, 200),
    (
        "admin",
        "PUT",
        "/actions/permissions/workflow",
        {"can_approve_pull_request_reviews": True},
        204,
    ),
    ("admin", "GET", "/actions/permissions/selected-actions", None, 409),
    ("admin", "PUT", "/actions/permissions/selected-actions", {"patterns_allowed": ["a/*"]}, 409),
    ("admin", "PUT", "/actions/permissions", {"enabled": True, "allowed_actions": "selected"}, 204),
    ("admin", "PUT", "/actions/permissions/selected-actions", {"patterns_allowed": ["a/*"]}, 204),
    ("admin", "GET", "/actions/permissions/selected-actions", None, 200),
    ("job", "PUT", "/actions/permissions/selected-actions", {"patterns_allowed": []}, 403),
    ("admin", "GET", "/actions/organization-variables", None, 200),
    ("admin", "GET", "/actions/secrets", None, 200),
    ("job", "GET", "/actions/secrets", None, 403),
    ("admin", "GET", "/actions/organization-secrets", None, 200),
    ("admin", "POST", "/environments/production/deployment-branch-policies", {"name": "m"}, 404),
    (
        "admin",
        "PUT",
        "/environments/production",
        {
            "deployment_branch_policy": {
                "protected_branches": False,
                "custom_branch_policies": True,
            }
        },
        200,
    ),
    ("admin", "POST", "/environments/production/deployment-branch-policies", {"name": "m"}, 200),
    ("job", "GET", "/environments/production/deployment-branch-policies", None, 200),
    ("admin", "GET", "/vulnerability-alerts", None, 404),
    ("admin", "PUT", "/automated-security-fixes", None, 422),
    ("admin", "PUT", "/vulnerability-alerts", None, 204),
    ("admin", "GET", "/vulnerability-alerts", None, 204),
    ("admin", "PUT", "/automated-security-fixes", None, 204),
    ("admin", "GET", "/automated-security-fixes", None, 200),
    ("job", "GET", "/collaborators/octocat/permission", None, 200),
    ("job", "GET", "{api}/users/octocat", None, 200),
    ("job", "GET", "{api}/user", None, 403),
    ("admin", "GET", "{api}/user", None, 200),
]


def packed() -> dict[str, object]:
    """Return the bodies that are more than a line."""
    report = gzip.compress(json.dumps({"version": "2.1.0", "runs": []}).encode())
    subject = {"subject": [{"name": "image", "digest": {"sha256": "ab"}}]}
    payload = base64.b64encode(json.dumps(subject).encode()).decode()
    sarif = {"commit_sha": "{sha}", "ref": "refs/heads/main"}
    return {
        "{sarif}": sarif | {"sarif": base64.b64encode(report).decode()},
        "{bundle}": {"bundle": {"dsseEnvelope": {"payload": payload}}},
    }


def test_every_route(origin: Path, tmp_path: Path):
    """One story through all routes: GitHub's description holds for every request and answer."""
    with Double(REPOSITORY, origin=origin) as github:
        admin = clone(github, github.person(), tmp_path / "admin")
        (admin / ".github/workflows").mkdir(parents=True)
        (admin / ".github/workflows/retrain.yml").write_text(WORKFLOW)
        assert push(admin, "refs/heads/main").returncode == 0
        github.pull("feature", number=7)
        github.package("flight-delays/store", ["old"], ["latest"])
        routes.actions.add_artifact(github.store, "monitor", 100)
        seen = {"job": github.token("all/all", "write-all"), "admin": github.person()}
        seen["owner"] = github.person("boss", "owner")
        github.secret("TOKEN", of="dependabot of the organization")
        names = {"sha": check("git", "rev-parse", "HEAD", cwd=admin).strip(), "api": github.api_url}
        names["upload"] = f"{github.url}/api/uploads/repos/{REPOSITORY}"
        names["packages"] = (
            f"{github.api_url}/orgs/octo-org/packages/container/flight-delays%2Fstore"
        )
        failed = []
        for who, method, path, body, status in ROUTES:
            names |= {"version": github.rows("versions")[-1]["id"]}
            for kind in KINDS:
                names |= {kind.rstrip("s"): row["id"] for row in github.rows(KINDS[kind])[-1:]}
            url = path if path.startswith("{") else f"{{api}}/repos/{REPOSITORY}{path}"
            body = packed().get(body, body) if isinstance(body, str) else body
            sent = {"content": body} if isinstance(body, bytes) else {"json": body}
            if isinstance(body, dict):
                told = json.dumps(body).replace("{sha}", names["sha"])
                sent = {"json": json.loads(told)}
            headers = {"Content-Type": "text/markdown"} if isinstance(body, bytes) else {}
            answer = ask(
                github,
                method,
                url.format_map(defaultdict(int, names)),
                seen[who],
                headers=headers,
                **sent,
            )
            if answer.status_code != status:
                failed.append(f"{method} {path}: {answer.status_code} {answer.text}")
        assert not failed, "\n".join(failed + github.errors)
        called = {call.operation for call in github.calls} | ELSEWHERE
        missed = routes.ROUTES.keys() - called
        tried = {routes.ROUTES[name].answer for name in called & routes.ROUTES.keys()}
        assert not [name for name in missed if routes.ROUTES[name].answer not in tried]
        assert github.rows("dispatches")[0]["inputs"] == {"reason": "drift"}


KINDS = {
    "comment": "comments",
    "run": "runs",
    "deployment": "deployments",
    "check": "checks",
    "release": "releases",
    "asset": "assets",
    "report": "sarifs",
    "ruleset": "rulesets",
}
# They need an identity: test_oidc.py.
ELSEWHERE = {"repos/create-pages-deployment", "repos/get-pages-deployment"}


@pytest.mark.parametrize(
    ("method", "path", "body", "statuses"),
    [
        ("GET", f"{REPO}/rulesets", None, (403, 200, 200)),
        ("POST", f"{REPO}/pages", {"build_type": "workflow"}, (422, 201, 201)),
        ("POST", f"{REPO}/attestations", packed()["{bundle}"], (403, 403, 201)),
        ("GET", f"{REPO}/dependency-graph/compare/main...feature", None, (403, 403, 200)),
        (
            "PUT",
            f"{REPO}/environments/a",
            {"reviewers": [{"type": "User", "id": 1}]},
            (422, 422, 200),
        ),
        ("PUT", f"{REPO}/environments/a", {"wait_timer": 1}, (200, 200, 200)),
    ],
    ids=["rulesets", "pages", "attestations", "dependency review", "reviewers", "environment"],
)
def test_private_repository_lacks_what_its_plan_lacks(origin, method, path, body, statuses):
    """A free plan, Team and Enterprise differ in what a private repository may use."""
    for plan, status in zip(("free", "team", "enterprise"), statuses, strict=True):
        with Double(REPOSITORY, private=True, plan=plan, origin=origin) as github:
            assert ask(github, method, path, github.person(), json=body).status_code == status


def test_needs_are_those_of_github():
    """Where GitHub's own list knows a route, the double asks for the same permission."""
    path = npm.modules() / "@octokit/app-permissions/generated/api.github.com.json"
    listed, known, compared = json.loads(path.read_text())["paths"], description.github(), 0
    for name, route in routes.ROUTES.items():
        operation = known.operations[name]
        found = listed.get(operation.path, {}).get(operation.method.upper())
        if found and isinstance(route.needs, str) and name not in NEWER:
            compared += 1
            assert f"{found['permission'].replace('_', '-')}: {found['access']}" in route.needs, (
                name
            )
    assert compared > 40


# The list is of 2021. Since then, https://docs.github.com/en/rest says `actions` for workflows, and
# files of any name are `contents`.
NEWER = {name for name in routes.ROUTES if name.startswith("actions/")} | {"repos/get-content"}


def test_grants_are_those_of_github():
    """The names of permissions are those of GitHub's own parser of workflows."""
    path = npm.modules() / "@actions/workflow-parser/dist/workflow-v1.0.min.json"
    found = json.loads(path.read_text())["definitions"]["permissions-mapping"]
    assert set(found["mapping"]["properties"]) == set(rights.GRANTS)
