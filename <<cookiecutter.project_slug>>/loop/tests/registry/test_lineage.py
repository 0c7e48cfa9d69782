"""Tags of others: of another artifact, tool or repository, none is read as one of this project."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mlops_loop import git as plain_git
from mlops_loop.errors import UsageError
from mlops_loop.registry import ledger, tags

PAGE = Path(__file__).parents[2] / "docs/github.md"
OTHERS = (
    "other-model@v9.0.0", "other-model#production#9", "other@v9.0.0", "other#production#1",
    "model-b@v9.0.0", "model-b#production#9", "model2@v9.0.0", "mymodel#production#9",
    "sub/model@v9.0.0", "sub/model#production#9", "x/refs/tags/model@v9.0.0", "model/b@v9.0.0",
    "model@junk", "model@v9", "model@v9.0.0-x_y", "model@9/9", "model#production#x", "models",
)  # fmt: skip


@pytest.fixture
def laptop(registered):
    """A project with two versions, of which v1.0.0 is in production."""
    ledger.assign(registered, "v1.0.0", why="first", push=True)
    return registered


def put(git, folder, *names, **note):
    text = json.dumps(note or {"bundle_id": "0123", "version": "v1.1.0"})
    for name in names:
        git(folder, "tag", "--annotate", "--message", text, name)


@pytest.mark.parametrize("place", ["here", "origin", "both"])
@pytest.mark.parametrize("read", [ledger.read, ledger.fetch])
def test_other_artifacts(laptop, git, tmp_path, caplog, place, read):
    """Also such as share a beginning or an end, and names that are none of gto's."""
    before = ledger.fetch(laptop)
    put(git, laptop, *OTHERS)
    if place != "here":
        git(laptop, "push", "--quiet", "origin", *(f"refs/tags/{name}" for name in OTHERS))
    if place == "origin":
        git(laptop, "tag", "--delete", *OTHERS)
    assert read(laptop) == before
    assert caplog.messages == []
    assert ledger.next_version(ledger.local(laptop)) == "v1.2.0"
    now, _ = ledger.assign(laptop, "v1.1.0", why="next", push=True)
    assert (now.tag, now.note["previous"]) == ("model#production#2", "v1.0.0")


@pytest.mark.parametrize("place", ["here", "origin"])
def test_versions_of_others_are_none(project, git, tmp_path, place):
    """A repository in which only others registered has no version: its store is a cold start."""
    project.ship("a")
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    project.git("remote", "add", "origin", str(tmp_path / "origin"))
    put(git, project.root, *OTHERS)
    if place == "origin":
        project.git("push", "--quiet", "origin", *(f"refs/tags/{name}" for name in OTHERS))
        project.git("tag", "--delete", *OTHERS)
    assert not tags.has_versions(project.root)
    put(git, project.root, "model@v1.0.0")
    assert tags.has_versions(project.root)


def test_a_worktree(laptop, git, tmp_path):
    """It is the root of its repository, and shares the tags."""
    tree = tmp_path / "tree"
    git(laptop, "worktree", "add", "--quiet", "--detach", str(tree), "HEAD~1")
    assert ledger.fetch(tree) == ledger.fetch(laptop)
    now, _ = ledger.assign(tree, "v1.1.0", why="from the tree", push=True)
    assert ledger.local(laptop).current() == now
    assert now.tag in git(laptop, "ls-remote", "origin")
    (tree / "models").mkdir()
    with pytest.raises(UsageError, match=r"dvc\.yaml is missing\. Run this in"):
        ledger.read(tree / "models")


def test_a_submodule_is_a_repository_of_its_own(laptop, git, tmp_path, start_project):
    """Its tags are not those of the repository around it."""
    outer = start_project(tmp_path / "outer")
    outer.ship("z")
    put(git, outer.root, "model@v7.0.0")
    allow = ("-c", "protocol.file.allow=always")
    outer.git(*allow, "submodule", "--quiet", "add", str(tmp_path / "origin"), "churn")
    inner = outer.root / "churn"
    assert ledger.fetch(inner) == ledger.fetch(laptop)


@pytest.fixture
def fork(laptop, git, tmp_path):
    """A fork of origin, cloned; origin is `upstream` there, and went on."""
    git(laptop, "push", "--quiet", "origin", "HEAD:main")
    git(tmp_path, "clone", "--quiet", "--bare", "origin", "fork")
    git(tmp_path, "clone", "--quiet", "fork", "mine")
    git(tmp_path / "mine", "remote", "add", "upstream", str(tmp_path / "origin"))
    git(laptop, "commit", "--quiet", "--allow-empty", "--message", "Upstream goes on")
    put(git, laptop, "model@v2.0.0", bundle_id="0123")
    put(git, laptop, "model#production#2", version="v2.0.0")
    git(laptop, "push", "--quiet", "--tags", "origin", "HEAD:main")
    return tmp_path / "mine"


def test_a_fork_has_what_was_there_when_it_was_made(fork, git):
    """And goes on by itself."""
    assert ledger.fetch(fork).current().version == "v1.0.0"
    git(fork, "fetch", "--quiet", "upstream")  # brings the tags of its branches, too
    assert "model@v2.0.0" in git(fork, "tag")
    match = (
        r"model#production#2, model@v2\.0\.0: only this clone has it, and no branch .* another "
        r"repository, as a fork.*Next: git tag --delete 'model#production#2' 'model@v2\.0\.0'"
    )
    calls = [
        lambda: ledger.fetch(fork),
        lambda: ledger.read(fork),
        lambda: ledger.assign(fork, "latest", why="mine", push=True),
        lambda: ledger.assign(fork, "latest", why="mine"),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=match):
            call()
    git(fork, "tag", "--delete", "model#production#2", "model@v2.0.0")
    now, _ = ledger.assign(fork, "v1.1.0", why="mine", push=True)
    assert (now.tag, now.version) == ("model#production#2", "v1.1.0")


def test_a_fork_that_merges_takes_versions_over(fork, git):
    """What its own branch leads to is its own, and pushed with its assignment."""
    git(fork, "fetch", "--quiet", "upstream")
    git(fork, "merge", "--quiet", "--ff-only", "upstream/main")
    git(fork, "tag", "--delete", "model#production#2")
    assert ledger.fetch(fork).find("latest").version == "v2.0.0"


def test_tags_of_an_unrelated_repository(laptop, git, tmp_path, start_project):
    """Fetched by mistake, as `git fetch URL --tags` does it."""
    other = start_project(tmp_path / "other")
    other.ship("z")
    put(git, other.root, "model@v9.0.0", "model#production#9", bundle_id="0123", version="v9.0.0")
    git(laptop, "fetch", "--quiet", "--tags", str(other.root))
    with pytest.raises(UsageError, match="fetched from another repository"):
        ledger.read(laptop)
    assert plain_git.tagged_commit(laptop, "model@v8.0.0") == ""


def test_a_version_of_a_lock_beside_the_branch(laptop, git):
    """Origin has tagged it, so an assignment of it belongs here though no branch leads there."""
    git(laptop, "checkout", "--quiet", "--detach")
    git(laptop, "commit", "--quiet", "--allow-empty", "--message", "Lock the model")
    put(git, laptop, "model@v1.2.0", bundle_id="0123")
    git(laptop, "push", "--quiet", "origin", "model@v1.2.0")
    git(laptop, "checkout", "--quiet", "main")
    ledger.assign(laptop, "v1.2.0", why="here first")
    assert ledger.read(laptop).current().version == "v1.2.0"


def test_a_copy_begins_anew(laptop, git, tmp_path):
    """By the commands of github.md, in a repository that was made from another one."""
    git(laptop, "push", "--quiet", "origin", "HEAD:main")
    git(tmp_path, "clone", "--quiet", "--bare", "origin", "copy.git")
    git(tmp_path, "clone", "--quiet", "copy.git", "copy")
    copy = tmp_path / "copy"
    assert len(ledger.fetch(copy).versions) == 2
    section = PAGE.read_text(encoding="utf-8").partition("### A fork or a copy")[2]
    commands = section.partition("```sh\n")[2].partition("```")[0]
    subprocess.run(["bash", "-ec", commands], cwd=copy, check=True)
    assert ledger.fetch(copy).history() == []
    assert ledger.next_version(ledger.local(copy)) == "v1.0.0"
    assert not tags.has_versions(copy)
    assert len(ledger.fetch(laptop).versions) == 2
