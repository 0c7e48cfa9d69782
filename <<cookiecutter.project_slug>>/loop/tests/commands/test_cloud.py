"""The commands `cloud login|policy`, and what a run without an identity does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from job_tokens import exported

from mlops_loop import job_token
from mlops_loop.cli import cli
from mlops_loop.commands import store as store_commands
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.github.api import is_stranger

ROLE = "arn:aws:iam::123456789012:role/r"
LOGIN = f"reader={ROLE} writer={ROLE} region=eu-central-1"


@pytest.fixture
def pull_request(tmp_path, monkeypatch):
    """`pull_request("ada/r")` lets this run be of a pull request of that repository."""

    def begin(head):
        repo = head and {"full_name": head}
        about = {"repository": {"full_name": "o/r"}, "pull_request": {"head": {"repo": repo}}}
        path = tmp_path / "event.json"
        path.write_text(json.dumps(about))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))

    return begin


@pytest.fixture
def step(job, tmp_path, monkeypatch):
    """A step of a job in a project; DVC's own settings name no store."""
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STORE_URL", "s3://bucket/dvc")
    folder = tmp_path / "project"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text("")
    monkeypatch.chdir(folder)
    return job


def loop(*words: str):
    return CliRunner().invoke(cli, words)


def test_login(step, signer, monkeypatch):
    """Says who the job is, and not by what."""
    monkeypatch.setenv("CLOUD_LOGIN", LOGIN)
    done = loop("cloud", "login", "--role", "writer")
    assert done.stdout == f"Logged in as the writer {ROLE}.\n", done.output
    assert exported(step)["AWS_ROLE_ARN"] == ROLE
    assert "the-right-to-ask" not in done.output
    assert "signature" not in done.stdout


def test_without_the_variable_nothing_changes(step, signer):
    """Other ways to log in stay as they are."""
    assert "CLOUD_LOGIN is not set" in loop("cloud", "login").stdout
    assert not signer.asked
    assert not Path(step["GITHUB_ENV"]).exists()


@pytest.mark.parametrize(
    ("head", "actor", "expected"),
    [
        ("o/r", "ada", False),
        ("ada/r", "ada", True),
        (None, "ada", True),
        ("o/r", "dependabot[bot]", True),
    ],
)
def test_who_is_a_stranger(pull_request, monkeypatch, head, actor, expected):
    """A fork, also one that is deleted by now, and Dependabot."""
    pull_request(head)
    monkeypatch.setenv("GITHUB_ACTOR", actor)
    assert is_stranger() == expected


def test_a_push_is_no_stranger(tmp_path, monkeypatch):
    """Its event has no pull request; outside of a workflow there is no event."""
    assert not is_stranger({})
    (tmp_path / "event.json").write_text('{"repository": {"full_name": "o/r"}}')
    assert not is_stranger({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})


def test_a_fork_does_not_log_in(step, signer, pull_request, monkeypatch):
    """It may not ask for a token; a job of this repository that may not is told why."""
    monkeypatch.setenv("CLOUD_LOGIN", LOGIN)
    monkeypatch.delenv(job_token.URL)
    pull_request("ada/r")
    done = loop("cloud", "login")
    assert done.exit_code == 0
    assert "no identity: no login" in done.stdout
    pull_request("o/r")
    refused = loop("cloud", "login")
    assert isinstance(refused.exception, UsageError)
    assert "id-token: write" in str(refused.exception)
    assert not signer.asked


@pytest.fixture
def unread(step, monkeypatch):
    """A store that cannot be read."""

    def refuse():
        raise StoreUnreachable("The store s3://bucket/dvc: no credentials")

    monkeypatch.setattr(store_commands, "_open", refuse)
    monkeypatch.delenv(job_token.URL)


def test_a_fork_starts_cold(unread, pull_request):
    """In a sentence, and with the reason."""
    pull_request("ada/r")
    done = loop("store", "pull", "--checkout")
    assert done.exit_code == 0, done.output
    assert "no login" in done.stdout
    assert "a cold start. (The store s3:" in done.stdout


@pytest.mark.parametrize(
    ("head", "env"),
    [
        ("o/r", {}),
        ("ada/r", {"STORE_PASSWORD": "pa55"}),
        ("ada/r", {"STORE_URL": "https://ghcr.io/o/r/store"}),
        ("ada/r", {"STORE_URL": "ssh://host/store"}),
    ],
    ids=["not a fork", "with a password", "a registry", "a host"],
)
def test_nobody_else_starts_cold(unread, pull_request, monkeypatch, head, env):
    """What cannot be read is an error."""
    pull_request(head)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert isinstance(loop("store", "pull").exception, StoreUnreachable)


@pytest.mark.parametrize("command", ["push", "status"])
def test_a_fork_that_pushes_is_refused(unread, pull_request, command):
    """Only reading may be left out."""
    pull_request("ada/r")
    assert isinstance(loop("store", command).exception, StoreUnreachable)
