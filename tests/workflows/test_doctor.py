"""`doctor` and `harden`, the commands themselves, against GitHub's double and its description."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from conftest import check, run

from .double import Double
from .world import REPOSITORY

BY_HAND = {
    "A person is asked before production",
    "Pages show the dashboard",
    "The image belongs to this repository",
    "The store belongs to this repository",
    "Variable IMAGE_URL",
    "Variable PRODUCTION_URL",
    "Variable STORE_URL",
}
RULES = {
    "Only what passed its checks reaches main",
    "main is never rewritten or deleted",
    "Tags of the registry are never moved or removed",
}


class Person:
    """Somebody with a role who types commands on the laptop; `github` is what they reach."""

    def __init__(self, github: Double, laptop: Path, role: str, without: tuple[str, ...]):
        """Log in, without the scopes for some permissions."""
        self.github, self.laptop = github, laptop
        self.env = os.environ | github.environment(github.person("ada", role, without))

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

    def setting(self, name: str) -> dict[str, str]:
        """Return what doctor says of one setting."""
        rows = json.loads(self.says("doctor", "--json").stdout)["settings"]
        return next(row for row in rows if row["setting"] == name)

    def written(self) -> list[str]:
        """Return the changes that GitHub made since the last time that this was asked."""
        calls = [c.operation for c in self.github.calls if c.method != "GET" and c.status < 400]
        self.github.calls.clear()
        return calls


@pytest.fixture
def person(laptop: Path, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Give a function: `person("admin", private=True)`, logged in to a repository just pushed."""
    started = []

    def log_in(role: str = "admin", without: tuple[str, ...] = (), **options) -> Person:
        origin = tmp_path / f"origin-{len(started)}.git"
        check("git", "clone", "--quiet", "--bare", laptop, origin, cwd=tmp_path)
        github = Double(REPOSITORY, origin=origin, **options)
        github.__enter__()
        started.append(github)
        return Person(github, laptop, role, without)

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
    assert done.returncode == 0 and set(ada.doctor()) == {"right", "optional", "unseen"}
    assert ada.doctor()["unseen"] == UNREADABLE
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


@pytest.mark.parametrize("plan", ["team", "enterprise"])
def test_a_private_repository_on_a_plan_that_is_paid(person, plan: str):
    """It has rules and environments; reviewers are Enterprise's alone, so doctor says that."""
    ada = person(private=True, plan=plan)
    assert ada.doctor()["missing"] == RULES
    assert ada.says("harden", "--yes").returncode == 0
    found = ada.doctor()
    assert not {"missing", "not on plan"} & found.keys()
    reviewers = ada.setting("A person is asked before production")
    assert "only Enterprise has" in reviewers["reason"]


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


UNREADABLE = {  # by an administrator who is no owner of the organization; the last by anybody
    "The organization lets these actions run",
    "The organization lets jobs create packages",
}
STORE, OWNER = "The store belongs to this repository", REPOSITORY.split("/")[0]


def test_a_repository_that_was_deleted_and_made_again(person):
    """Its packages are still there, and linked to nothing: the release would be refused."""
    ada = person()
    for name in ("flight-delays", "flight-delays/store"):
        ada.github.package(name, ["production"], repository=None)
    found = ada.setting(STORE)
    assert found["state"] == "missing"
    assert "linked to no repository, as after a repository was deleted" in found["reason"]
    page = f"{ada.github.url}/orgs/{OWNER}/packages/container/flight-delays%2Fstore/settings"
    assert page in found["next"] and "write_package" in found["without"]
    done = ada.says("doctor")
    assert done.returncode == 1 and "missing     The image belongs" in done.stdout


def test_a_repository_that_was_renamed(person):
    """The API leads to it; its packages have the old name, and a variable leads to them."""
    ada = person("owner")
    ada.github.rename(f"{OWNER}/old")
    for name in ("old", "old/store"):
        ada.github.package(name, ["production"], visibility="private")
    ada.env["GITHUB_REPOSITORY"] = f"{OWNER}/old"
    found = ada.setting("Origin names this repository")
    assert found["state"] == "optional" and REPOSITORY in found["reason"]
    assert found["next"].startswith("git remote set-url origin ")
    ada.env["GITHUB_REPOSITORY"] = REPOSITORY
    assert ada.setting("Origin names this repository")["state"] == "right"
    assert ada.setting(STORE)["next"] == (
        f"gh variable set STORE_URL --body https://ghcr.io/{OWNER}/old/store"
    )
    ada.github.variable("STORE_URL", f"https://ghcr.io/{OWNER}/old/store")
    assert ada.setting(STORE)["state"] == "right"
    ada.env["GITHUB_REPOSITORY"] = f"{OWNER}/old"
    assert ada.says("harden", "--yes").returncode == 0, "what is written is led there too"


def test_an_organization_with_rules_of_its_own(person):
    """Its owner sees them; others see what they cannot know, and harden is refused."""
    bob, boss = person(), person("owner")
    policy = {"enabled_repositories": "all", "allowed_actions": "selected"}
    chosen = {"github_owned_allowed": True, "verified_allowed": False, "patterns_allowed": []}
    for each in (bob, boss):
        each.github.settings["organization policy"] = policy | {"selected": chosen}
    assert bob.doctor()["unseen"] == UNREADABLE
    found = boss.setting("The organization lets these actions run")
    assert found["state"] == "missing" and "astral-sh/setup-uv@*" in found["reason"]
    assert found["next"].endswith(f"/organizations/{OWNER}/settings/actions")
    assert boss.doctor()["unseen"] == {"The organization lets jobs create packages"}
    boss.github.settings["organization policy"] = policy | {"allowed_actions": "local_only"}
    refused = boss.says("harden", "--yes")
    assert refused.returncode == 10 and "409: Conflict" in refused.stderr


def test_data_in_a_public_repository(person):
    """Doctor says it before the first push, and what that was when it is done."""
    ada = person(owner="User")
    before = ada.setting("Data and models are private")
    assert (before["state"], before["required"]) == ("optional", False)
    assert "the first push makes them public" in before["reason"]
    assert "gh repo edit --visibility private" in before["next"]
    ada.github.package("flight-delays/store", ["latest"], visibility="public")
    after = ada.setting("Data and models are private")
    assert "cannot be taken back" in after["reason"] and "to delete it" in after["next"]
    private = person(owner="User", private=True)
    assert private.setting("Data and models are private")["state"] == "right"


def test_the_logins_of_jobs(person):
    """Each host needs its own; Dependabot has secrets of its own, the environment too."""
    ada = person("owner")
    ada.github.variable("IMAGE_URL", "registry.example.org/flights")
    ada.github.variable("STORE_URL", "https://registry.example.org/flights/store")
    assert ada.doctor()["missing"] > {"The store's login is known", "The image's login is known"}
    ada.says("harden", "--yes")
    ada.github.secret("STORE_PASSWORD", of="environment production")
    assert "which no job reads it in" in ada.setting("The store's login is known")["reason"]
    ada.github.secret("STORE_PASSWORD")
    ada.github.variable("STORE_USERNAME", "robot")
    assert "missing" not in ada.doctor()
    dependabot = ada.setting("Runs of Dependabot know the secrets")
    assert dependabot["state"] == "optional"
    assert dependabot["next"] == "gh secret set STORE_PASSWORD --app dependabot"
    ada.github.secret("STORE_PASSWORD", of="dependabot of the organization")
    assert ada.setting("Runs of Dependabot know the secrets")["state"] == "right"


def test_a_login_without_the_scope_for_packages(person):
    """That is what `gh auth login` gives; doctor cannot tell, and says which scope it needs."""
    ada = person(without=("packages",))
    ada.says("harden", "--yes")
    found = ada.setting(STORE)
    assert (
        found["state"] == "unseen" and "gh auth refresh --scopes read:packages" in found["reason"]
    )
    assert ada.says("doctor").returncode == 9
