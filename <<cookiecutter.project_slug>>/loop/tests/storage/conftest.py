"""Every test of the store: a real registry behind a door, DVC projects, and no waiting."""

from __future__ import annotations

import base64
import json
import os
import re
from contextlib import chdir
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from click.testing import CliRunner
from dvc.repo import Repo
from stores import COPY, SENT_BYTES, Door
from urllib3.util import Retry

from mlops_loop.commands import store as commands
from mlops_loop.storage import index, transport


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """No waiting between tries, and no login but the tests' own."""
    retries = Retry(total=3, backoff_factor=0, retry_after_max=2, allowed_methods=None)
    monkeypatch.setattr(transport, "RETRIES", retries)
    for name in list(os.environ):
        if name.startswith(("STORE_", "GITHUB_")) or name == "DOCKER_CONFIG":
            monkeypatch.delenv(name)


@pytest.fixture
def door(server, listening):
    with listening(Door(server)) as door:
        yield door


@pytest.fixture
def url(server, tmp_path):
    """A repository of its own for each test."""
    return f"{server}/{re.sub('[^a-z0-9]', '', tmp_path.name.lower())}/store"


@pytest.fixture
def root(git, tmp_path):
    """A committed DVC project with one finished stage and a folder of data."""
    root = tmp_path / "project"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "project")
    Repo.init(str(root)).close()
    (root / ".gitignore").write_text("/count.txt\n")
    (root / "raw.txt").write_text("raw\n")
    (root / "data").mkdir()
    for n in range(30):
        (root / f"data/{n}.txt").write_text(f"row {n}\n")
    (root / "data/large.bin").write_bytes(os.urandom(SENT_BYTES))
    stage = {"cmd": COPY, "deps": ["raw.txt"], "outs": ["out.txt"]}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"copy": stage}}))
    with chdir(root), Repo() as repo:
        repo.add("data")
        repo.reproduce()
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Run")
    return root


@pytest.fixture
def clone(root, git, tmp_path):
    """`clone("b")` is a fresh clone with an empty cache."""

    def run(name):
        git(tmp_path, "clone", "--quiet", str(root), name)
        return tmp_path / name

    return run


@pytest.fixture
def small_packs(monkeypatch):
    monkeypatch.setattr(index, "PACK", 100)


@pytest.fixture
def guard(door):
    """The door demands a token for what is asked: ada gets it with her password, bob to read."""
    ada, bob = (base64.b64encode(f"{n}:secret word".encode()).decode() for n in ("ada", "bob"))
    door.scopes = []

    def rule(visit):
        given = visit.headers.get("Authorization", "")
        needed = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(visit.command, "push")
        if visit.path.startswith("/token"):
            scope = parse_qs(urlsplit(visit.path).query)["scope"][0].rpartition(":")[2]
            door.scopes.append(scope)
            answer = json.dumps({"token": f"t0ken,{scope}"}).encode()
            allowed = [f"Basic {ada}", *([f"Basic {bob}"] if scope == "pull" else [])]
            visit.reply(200 if given in allowed else 403, answer)
        elif not given.startswith("Bearer t0ken,") or needed not in given.split(","):
            challenge = f'Bearer realm="{door.url}/token",service="test",scope="repository:a:pull"'
            visit.rfile.read(int(visit.headers.get("Content-Length", 0)))
            visit.reply(401, headers={"WWW-Authenticate": challenge})
        else:
            return False
        return True

    door.rules.append(rule)
    return door


@pytest.fixture
def remote(root, git, tmp_path):
    """The project with a folder as DVC's own remote."""
    with Repo(str(root)) as repo, repo.config.edit() as config:
        config["remote"]["box"] = {"url": str(tmp_path / "box")}
        config["core"]["remote"] = "box"
    git(root, "commit", "--all", "--quiet", "--message", "Remote")
    return root


@pytest.fixture
def call(monkeypatch):
    """`call(folder, "push")` runs a command there and returns what it prints."""

    def run(folder, *args):
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(commands.store, args, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run
