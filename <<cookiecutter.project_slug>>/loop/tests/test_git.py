"""Calls of git that reach origin: they end, whatever the other side does."""

from __future__ import annotations

import os
import socket
import time

import pytest

from mlops_loop import git
from mlops_loop.errors import StoreUnreachable, UsageError

CALLS = {
    "origin_tags": lambda repo: git.origin_tags(repo, ["model@*"]),
    "unknown_refs": git.unknown_refs,
    "fetch_tags": lambda repo: git.fetch_tags(repo, ["model@*"]),
    "publish_tag": lambda repo: git.publish_tag(
        repo, "model@v1.0.0", git.run(repo, "rev-parse", "HEAD").stdout.strip()
    ),
    "push_tag": lambda repo: git.push_tag(repo, "model@v1.0.0"),
    "fetch_main": git.fetch_main,
    "push_branch": lambda repo: git.push_branch(repo, "HEAD", "retrain"),
}


@pytest.fixture
def silent(project, monkeypatch):
    """A project with a tag; its origin accepts a connection and says nothing."""
    project.ship("a")
    project.git("tag", "model@v1.0.0")
    for name in ("GITHUB_TOKEN", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.git"
        project.git("remote", "add", "origin", url)
        yield project


@pytest.mark.parametrize("name", CALLS)
def test_a_connection_that_is_half_open_ends(silent, monkeypatch, name):
    """By git's own limit for HTTP, and no program of it is left."""
    monkeypatch.setattr(git, "SILENT_S", 1)
    start = time.monotonic()
    with pytest.raises(StoreUnreachable, match=r"Less than 1 bytes/sec.*Nothing is lost"):
        CALLS[name](silent.root)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("name", CALLS)
def test_a_program_that_does_not_end_is_not_waited_for(silent, monkeypatch, tmp_path, name):
    """As ssh to a host that is gone."""
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 30\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(tmp_path / "ssh"))
    for limit in ("ANSWER_S", "MOVE_S"):
        monkeypatch.setattr(git, limit, 0.3)
    silent.git("remote", "set-url", "origin", "ssh://127.0.0.1/a")
    with pytest.raises(StoreUnreachable, match=r"no answer within 0\.3 s"):
        CALLS[name](silent.root)


def test_the_times_are_those_of_the_manual():
    """A silent origin is given up within a minute."""
    assert git.SILENT_S < git.ANSWER_S <= 60 < git.MOVE_S <= 300


def test_settings_of_the_environment_stay(project, monkeypatch):
    """As a company's certificates or the address of its mirror."""
    project.ship("a")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{project.root.as_uri()}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://mirror.example.org/a")
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    project.git("remote", "add", "origin", "https://mirror.example.org/a")
    assert git.fetch_main(project.root) == project.git("rev-parse", "HEAD")
    assert "GIT_CONFIG_KEY_1" not in os.environ


def test_without_git_no_folder_is_refused(tmp_path, monkeypatch):
    """An image that trains has no git; what needs it says so itself."""
    (tmp_path / "dvc.yaml").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    git.refuse_subfolder(tmp_path)
    with pytest.raises(UsageError, match="git is not installed"):
        git.check_repository(tmp_path)
