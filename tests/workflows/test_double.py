"""The double refuses what GitHub refuses, and is itself held to GitHub's description."""

import base64
from pathlib import Path

import httpx
import pytest
from conftest import check, run

from .double import Double

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
    while url:
        answer = ask(github, "GET", url, token)
        seen += [row["number"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")
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


def test_pull_request_is_read_from_the_origin(github: Double):
    """Files and commits of a pull request are those of its branches."""
    token = github.token("ci/report", {"pull-requests": "read"})
    pull = ask(github, "GET", f"{REPO}/pulls/7", token).json()
    (file,) = ask(github, "GET", f"{REPO}/pulls/7/files", token).json()
    assert (file["filename"], file["status"], file["additions"]) == ("params.yaml", "added", 2)
    found = ask(github, "GET", f"{REPO}/commits/{pull['head']['sha']}/pulls", token).json()
    assert [row["number"] for row in found] == [7]
