"""The client of GitHub and the sticky comment, against recorded answers on loopback."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from mlops_loop.errors import GitHubRefused, UsageError
from mlops_loop.github import api, comment, markers, retry

TOKEN = "ghs_" + "s" * 36
COMMENTS = "/repos/o/r/issues/5/comments"


class Recorded(ThreadingHTTPServer):
    """Gives `answers[METHOD, PATH]` in turn, the last one again and again; notes who asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answerer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers, self.seen, self.headers = {}, [], {}


class Answerer(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Quiet."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        call = self.command, urlsplit(self.path).path
        self.server.seen.append((*call, json.loads(body) if body else None))
        self.server.headers = dict(self.headers)
        left = self.server.answers[call]
        status, content, *headers = left.pop(0) if len(left) > 1 else left[0]
        data = json.dumps(content).encode()
        if status == "cut":
            return self.connection.close()
        self.send_response(status)
        for name, value in (headers[0] if headers else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = answer


@pytest.fixture
def server(listening):
    with listening(Recorded()) as server:
        yield server


@pytest.fixture
def slept(monkeypatch):
    """How long was waited, without doing so."""
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


@pytest.fixture
def env(server, tmp_path):
    return {
        "GITHUB_API_URL": server.url,
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKFLOW": "ci & more",
        "GITHUB_JOB": "report",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
    }


@pytest.fixture
def ask(server, env, slept):
    """`ask((502, {}), (201, {}))` creates a comment and meets these answers."""

    def run(*answers, **more):
        server.answers["POST", COMMENTS] = list(answers)
        call = {"issue_number": 5, "body": "text"} | more
        repository = api.Repository(env)
        return repository.call(repository.rest.issues.create_comment, **call)

    return run


def message(text):
    return {"message": text, "documentation_url": "https://docs.github.com/rest"}


def test_says_who_asks(ask, server):
    """GitHub sees the token, and in its log the workflow and the job."""
    assert ask((201, {"id": 1})) == {"id": 1}
    assert server.headers["User-Agent"].endswith("(ci%20%26%20more/report)")
    assert server.headers["Authorization"].endswith(TOKEN)


def test_a_wrong_call_is_never_sent(ask, server):
    """Arguments are held against GitHub's own description."""
    with pytest.raises(ValueError, match="body"):
        ask((201, {}), body=["no text"])
    assert server.seen == []


REFUSED = (403, message("You have exceeded a secondary rate limit"))
PASS_BY = {
    "header of a secondary limit": ((*REFUSED, {"Retry-After": "7"}), 8),
    "secondary limit without a header": (REFUSED, 60),
    "too many requests": ((429, message("Slow down")), 60),
}


@pytest.mark.parametrize(("answer", "wait"), PASS_BY.values(), ids=PASS_BY)
def test_waits_for_a_limit(ask, slept, answer, wait):
    """As long as GitHub says; nothing was done, so a POST is sent again too."""
    assert ask(answer, (201, {"id": 1})) == {"id": 1}
    assert slept == [wait]


def test_a_far_limit_is_not_waited_for(ask, slept):
    """The message says when it ends."""
    headers = {"Retry-After": "3000"}
    with pytest.raises(GitHubRefused, match=r"the same command again, in 3001 s or later"):
        ask((403, message("API rate limit exceeded"), headers))
    assert slept == []


UNSURE = {"bad gateway": (502, message("Server Error")), "cut off": ("cut", {})}


@pytest.mark.parametrize("answer", UNSURE.values(), ids=UNSURE)
def test_what_may_have_been_done_is_not_repeated(ask, server, answer):
    """A comment twice is worse than a failed job that looks first when it runs again."""
    with pytest.raises(GitHubRefused, match=r"Next: the same command again, which looks first"):
        ask(answer, (201, {"id": 1}))
    assert len(server.seen) == 1


@pytest.mark.parametrize("answer", UNSURE.values(), ids=UNSURE)
def test_what_is_idempotent_is_repeated(ask, slept, answer):
    """With a back-off."""
    assert ask(answer, answer, (201, {"id": 1}), idempotent=True) == {"id": 1}
    assert slept == [1, 2]


def test_gives_up(server, env, slept):
    """After a bounded time, with what GitHub said last."""
    server.answers["GET", COMMENTS] = [(503, message("Unicorn"))]
    repository = api.Repository(env)
    with pytest.raises(GitHubRefused, match=r"answers 503: Unicorn\. Next: the same command"):
        list(repository.list_all(repository.rest.issues.list_comments, issue_number=5))
    assert sum(slept) <= retry.PATIENCE_S
    assert len(server.seen) == retry.TRIES


REFUSALS = {
    "grant": (
        (403, message("Resource not accessible by integration"),
         {"X-Accepted-GitHub-Permissions": "pull_requests=write; issues=write"}),
        r"answers 403: Resource not .* give this token pull-requests: write, or issues: write",
    ),
    "scope": (
        (403, message("You need at least read:packages scope"),
         {"X-OAuth-Scopes": "gist, repo", "X-Accepted-OAuth-Scopes": "read:packages"}),
        r"Next: gh auth refresh --scopes read:packages$",
    ),
    "scope, but no role": (
        (404, message("Not Found"),
         {"X-OAuth-Scopes": "gist, repo", "X-Accepted-OAuth-Scopes": "repo"}),
        "look whether it exists",
    ),
    "hidden": ((404, message("Not Found")), "answers 404: Not Found.* look whether it exists"),
    "login": ((401, message("Bad credentials")), "answers 401: Bad credentials.* gh auth login"),
    "details": (
        (422, message("Validation Failed") | {"errors": [{"code": "x"}, "bad\x1b[2J"]}),
        r'answers 422: Validation Failed {"code": "x"} bad \[2J\. Next',
    ),
    "no JSON": ((418, ["?"]), "answers 418: I'm a Teapot"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_what_helps(ask, answer, expected):
    """What was asked, GitHub's answer, the grant that is missing; never the token."""
    with pytest.raises(GitHubRefused, match=expected) as refused:
        ask(answer)
    assert "issues.create_comment of o/r" in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert refused.value.status == answer[0]


def test_reads_all_pages(server, env):
    """Of a list inside an object, in one version of GitHub's API; comments are a plain list."""
    path = "/repos/o/r/actions/runs"
    link = {"Link": f'<{server.url}{path}?page=2>; rel="next"'}
    server.answers["GET", path] = [
        (200, {"total_count": 2, "workflow_runs": [{"id": 1}]}, link),
        (200, {"total_count": 2, "workflow_runs": [{"id": 2}]}),
    ]
    repository = api.Repository(env)
    runs = repository.list_all(repository.rest.actions.list_workflow_runs_for_repo)
    assert next(runs)["id"] == 1
    version = server.headers["X-GitHub-Api-Version"]
    assert [run["id"] for run in runs] == [2]
    assert server.headers["X-GitHub-Api-Version"] == version


def test_nobody_answers(env, slept):
    """The address is in the message."""
    here = env | {"GITHUB_API_URL": "http://127.0.0.1:9", "GITHUB_ACTIONS": ""}
    with pytest.raises(GitHubRefused, match=r"127.0.0.1:9.* does not answer: .*refused"):
        api.Repository(here).own_login()


def test_a_laptop_uses_the_login_of_gh(env, tmp_path, monkeypatch):
    """Without one, the next command is named."""
    program = tmp_path / "gh"
    program.write_text("#!/bin/sh\necho $4-token\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    del env["GITHUB_TOKEN"]
    assert api.token(env, "github.com") == "github.com-token"
    program.unlink()
    with pytest.raises(GitHubRefused, match="gh auth login"):
        api.Repository(env)


def test_no_repository(env, monkeypatch, tmp_path):
    """Outside a workflow the remote origin names it."""
    monkeypatch.chdir(tmp_path)
    del env["GITHUB_REPOSITORY"]
    with pytest.raises(UsageError, match="git remote add origin"):
        api.Repository(env)


class Pull:
    """Pull request 5 with the comments that a test gives it."""

    def __init__(self, server, env, folder):
        self.server, self.env, self.file = server, env, folder / "report.md"
        self.event, self.file_text = {"repository": {"full_name": "o/r"}}, "verdict"
        self.event["pull_request"] = {"number": 5, "head": {"repo": {"full_name": "o/r"}}}
        self.event["sender"] = {"login": "ada"}
        self.server.answers["POST", COMMENTS] = [(201, {"html_url": "created"})]

    def holds(self, *comments):
        pages = [
            (200, [{"id": n, "html_url": f"c{n}", "body": body, "user": {"login": by}}],
             {"Link": f'<{self.server.url}{COMMENTS}?page={n + 2}>; rel="next"'})
            for n, (by, body) in enumerate(comments)
        ]  # fmt: skip
        self.server.answers["GET", COMMENTS] = [*pages, (200, [])]
        for n in range(len(comments)):
            path = f"/repos/o/r/issues/comments/{n}"
            self.server.answers["PATCH", path] = [(200, {"html_url": f"c{n}"})]

    def post(self, number=None):
        self.file.write_text(self.file_text)
        with open(self.env["GITHUB_EVENT_PATH"], "w") as file:
            json.dump(self.event, file)
        return comment.post(self.file, number, self.env)

    @property
    def written(self):
        return [(method, path) for method, path, _ in self.server.seen if method != "GET"]


@pytest.fixture
def pull(server, env, tmp_path):
    made = Pull(server, env, tmp_path)
    made.holds()
    return made


MINE = f"{markers.REPORT}\nan older verdict"


def test_the_first_report_is_posted(pull):
    """With the marker by which the next one finds it."""
    assert pull.post() == comment.Posted("created", "created")
    assert pull.server.seen[-1] == ("POST", COMMENTS, {"body": f"{markers.REPORT}\nverdict"})


def test_the_next_report_takes_its_place(pull):
    """On whatever page it is; a person's copy of the marker is not touched."""
    pull.holds(("ada", "hello"), ("ada", MINE), (api.BOT, "other bot's"), (api.BOT, MINE))
    assert pull.post() == comment.Posted("updated", "c3")
    assert pull.written == [("PATCH", "/repos/o/r/issues/comments/3")]


def test_the_same_report_again_writes_nothing(pull):
    """GitHub ends its lines as Windows does."""
    pull.holds((api.BOT, f"{markers.REPORT}\r\nverdict"))
    assert pull.post() == comment.Posted("unchanged", "c0")
    assert pull.written == []


def test_a_laptop_finds_its_own_comment(pull):
    """By the login that the token belongs to."""
    del pull.env["GITHUB_ACTIONS"]
    pull.server.answers["GET", "/user"] = [(200, {"login": "ada"})]
    pull.holds((api.BOT, MINE), ("ada", MINE))
    assert pull.post(5) == comment.Posted("updated", "c1")


NO_RIGHT = (403, message("Resource not accessible by integration"))
READERS = {
    "fork": {"pull_request": {"number": 5, "head": {"repo": {"full_name": "ada/r"}}}},
    "deleted fork": {"pull_request": {"number": 5, "head": {"repo": None}}},
    "Dependabot": {"sender": {"login": "dependabot[bot]"}},
}


@pytest.mark.parametrize("event", READERS.values(), ids=READERS)
def test_an_event_without_rights_is_no_failure(pull, event):
    """The report is in the job summary."""
    pull.event |= event
    pull.server.answers["POST", COMMENTS] = [NO_RIGHT]
    assert pull.post() == comment.Posted("read-only")


def test_a_missing_grant_is_a_failure(pull):
    """Where the event has rights, 403 says that the workflow lacks one."""
    pull.server.answers["POST", COMMENTS] = [NO_RIGHT]
    with pytest.raises(GitHubRefused, match="403"):
        pull.post()


def test_too_long_a_report_is_not_sent(pull):
    """GitHub would refuse it."""
    pull.file_text = "x" * comment.LONGEST
    with pytest.raises(UsageError, match=r"has 65,558 characters, and GitHub takes 65,536"):
        pull.post()
    assert pull.server.seen == []


def test_no_pull_request(pull):
    """An event of another kind names none."""
    del pull.event["pull_request"]
    with pytest.raises(UsageError, match="--pr"):
        pull.post()


def test_before_a_repository_nobody_reads_an_empty_name(monkeypatch, tmp_path):
    """A first hour has no `origin`: the message says that, and what to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match=r"has no repository on GitHub yet. Next: set GITHUB"):
        api.repository_name({})
    with pytest.raises(UsageError, match="'x' is no repository on GitHub"):
        api.repository_name({"GITHUB_REPOSITORY": "x"})
