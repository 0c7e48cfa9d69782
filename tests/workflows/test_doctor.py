"""`doctor` and `harden`, the commands themselves, against GitHub's double and its description."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from conftest import DEFAULTS, check, locked, run

from .double import Double
from .world import REPOSITORY

BY_HAND = {
    "A person is asked before production",
    "The image can be read and belongs to this repository",
    "Variable IMAGE_URL",
    "Variable PRODUCTION_URL",
    "Variable STORE_URL",
}
RULES = {
    "Only what passed its checks reaches main",
    "main is never rewritten or deleted",
    "Tags of the registry are never moved or removed",
}


@pytest.fixture(scope="session")
def laptop(baked, shared: Path) -> Path:
    """Return a generated project with its environment."""
    folder = shared / "doctor" / "flight-delays"
    with locked(shared / "doctor.lock"):
        if not folder.exists():
            shutil.copytree(baked(DEFAULTS), folder, symlinks=True)
            check("uv", "sync", "--frozen", "--quiet", cwd=folder)
    return folder


class Person:
    """Somebody with a role who types commands on the laptop; `github` is what they reach."""

    def __init__(self, github: Double, laptop: Path, role: str):
        """Log in."""
        self.github, self.laptop = github, laptop
        self.env = os.environ | github.environment(github.person("ada", role))

    def says(self, *command: str) -> CompletedProcess[str]:
        """Type a command."""
        loop = self.laptop / ".venv" / "bin" / "loop"
        return run(loop, *command, cwd=self.laptop, env=self.env)

    def doctor(self) -> dict[str, set[str]]:
        """Return the names of settings by state."""
        found: dict[str, set[str]] = {}
        for row in json.loads(self.says("doctor", "--json").stdout)["settings"]:
            found.setdefault(row["state"], set()).add(row["setting"])
        return found

    def written(self) -> list[str]:
        """Return the changes that GitHub made since the last time that this was asked."""
        calls = [c.operation for c in self.github.calls if c.method != "GET" and c.status < 400]
        self.github.calls.clear()
        return calls


@pytest.fixture
def person(laptop: Path, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Give a function: `person("admin", private=True)`, logged in to a repository just pushed."""
    started = []

    def log_in(role: str = "admin", **options) -> Person:
        origin = tmp_path / "origin.git"
        check("git", "clone", "--quiet", "--bare", laptop, origin, cwd=tmp_path)
        github = Double(REPOSITORY, origin=origin, **options)
        github.__enter__()
        started.append(github)
        return Person(github, laptop, role)

    yield log_in
    for github in started:
        github.__exit__(None, None, None)


def test_a_fresh_repository_is_hardened_once(person):
    """Doctor lists what is missing, harden sets it, doctor is content, harden is done."""
    ada = person()
    ada.github.settings["default_workflow_permissions"] = "write"
    before = ada.doctor()
    assert before["missing"] == RULES | {"A job's token reads, unless the job asks for more"}
    assert ada.says("doctor").returncode == 1
    shown = ada.says("harden")
    assert "Nothing was set" in shown.stdout and ada.written() == []
    assert ada.says("harden", "--yes").returncode == 0
    assert len(ada.written()) == 10
    done = ada.says("doctor")
    assert done.returncode == 0 and set(ada.doctor()) == {"right", "optional"}
    assert ada.doctor()["optional"] == BY_HAND
    assert "Nothing to set." in ada.says("harden", "--yes").stdout
    assert ada.written() == []


def test_what_harden_sets_holds(person, tmp_path):
    """A job can neither push to main nor move a version, but make a new one."""
    ada = person()
    ada.says("harden", "--yes")
    token = ada.github.token("release/production", {"contents": "write"})
    url = f"{ada.github.url}/{REPOSITORY}".replace("://", f"://x:{token}@")
    check("git", "clone", "--quiet", url, "work", cwd=tmp_path)
    work = tmp_path / "work"
    check("git", "push", "--quiet", "origin", "HEAD:refs/tags/model@v1.0.0", cwd=work)
    check("git", "commit", "--quiet", "--allow-empty", "-m", "Unchecked", cwd=work)
    for target in ("main", "+HEAD:refs/tags/model@v1.0.0", ":refs/tags/model@v1.0.0"):
        refused = run("git", "push", "origin", target, cwd=work)
        assert refused.returncode and "GH013" in refused.stderr, target


def test_a_private_repository_on_the_free_plan(person):
    """What it cannot have is no fault, is not tried, and the rest is set."""
    ada = person(private=True)
    found = ada.doctor()
    assert found["not on plan"] == RULES | {
        "Only main deploys to production",
        "A person is asked before production",
    }
    assert "missing" not in found and ada.says("doctor").returncode == 0
    assert ada.says("harden", "--yes").returncode == 0
    assert [c.operation for c in ada.github.calls if c.method != "GET" and c.status >= 400] == []
    assert len(ada.written()) == 4
    assert ada.says("harden", "--yes").returncode == 0 and ada.written() == []


def test_a_login_without_rights(person):
    """What it may not see is not called missing; what it may not set is named, the rest is set."""
    bob = person("write")
    assert RULES & bob.doctor()["unseen"] and bob.says("doctor").returncode == 1
    done = bob.says("harden", "--yes")
    assert done.returncode == 10 and "administration: write" in done.stderr
    assert bob.written() == ["issues/create-label"]
    nobody = bob.says("doctor")
    bob.env["GITHUB_TOKEN"] = "ghp_wrong"  # noqa: S105  # no password
    nobody = bob.says("doctor")
    assert nobody.returncode == 10 and "gh auth login" in nobody.stderr


def test_a_limit_in_the_middle(person):
    """A short one is waited for; a lasting one ends it, and the next run does the rest."""
    ada = person()
    ada.github.fail("GET", ".*/rulesets", "secondary limit")
    assert ada.says("doctor").returncode == 1
    ada.github.fail("POST", ".*/labels", "secondary limit", times=99)
    cut = ada.says("harden", "--yes")
    assert cut.returncode == 10 and "Dependabot fixes them: not tried after that" in cut.stderr
    assert "issues/create-label" not in ada.written()
    ada.github.heal(".*/labels")
    assert ada.says("harden", "--yes").returncode == 0
    assert ada.written() == [
        "issues/create-label",
        "repos/enable-vulnerability-alerts",
        "repos/enable-automated-security-fixes",
    ]
