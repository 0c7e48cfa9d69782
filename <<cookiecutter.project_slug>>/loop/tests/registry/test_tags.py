"""Clones and origin: what a clone lacks is fetched or refused, what only it has decides nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mlops_loop import git as plain_git
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.registry import ledger, tags

SHALLOW = r"This clone is shallow and lacks tags of origin: model.*git fetch --tags --unshallow"


@pytest.fixture
def laptop(registered, git):
    """A project whose v1.1.0 went into production and was rolled back to v1.0.0, all at origin."""
    ledger.assign(registered, "v1.1.0", why="better", push=True)
    ledger.assign(registered, "v1.0.0", why="late answers", hold=True, push=True)
    return registered


@pytest.fixture
def clone(laptop, git, tmp_path):
    """`clone("--depth=1")` is another clone of origin."""

    def make(*options, name="clone"):
        url = (tmp_path / "origin").as_uri()
        git(tmp_path, "clone", "--quiet", *options, url, name)
        return tmp_path / name

    return make


def silence(git, folder):
    """Let origin of a clone not answer."""
    git(folder, "remote", "set-url", "origin", "/nowhere")


def all_tags(git, folder):
    return git(folder, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags/model*").split()


class TestShallow:
    @pytest.mark.parametrize("read", [ledger.read, ledger.fetch])
    def test_with_another_tag(self, laptop, clone, git, read):
        """A tag of documents at the newest commit does not make a shallow clone complete."""
        git(laptop, "commit", "--quiet", "--allow-empty", "--message", "Docs")
        git(laptop, "tag", "--annotate", "--message", "docs", "docs-2026.11")
        git(laptop, "push", "--quiet", "origin", "HEAD:main", "docs-2026.11")
        shallow = clone("--depth=1")
        assert git(shallow, "tag") == "docs-2026.11"
        with pytest.raises(UsageError, match=SHALLOW):
            read(shallow)

    def test_with_tags_of_the_newest_commit(self, laptop, clone, git):
        """One that has some tags of the ledger, and so names the wrong version, is refused."""
        git(laptop, "push", "--quiet", "origin", "HEAD:main")
        shallow = clone("--depth=1")
        assert all_tags(git, shallow) == ["model#production#1", "model@v1.1.0"]
        assert ledger.local(shallow).current().version == "v1.1.0"  # the hold is not seen
        with pytest.raises(UsageError, match=SHALLOW):
            ledger.read(shallow)

    def test_with_the_tags_of_origin(self, laptop, clone, git):
        """A shallow clone whose tags are origin's is read."""
        shallow = clone("--depth=1")
        git(shallow, "fetch", "--quiet", "--tags", "--depth=1")
        assert ledger.read(shallow) == ledger.read(laptop)

    def test_the_older_commit(self, laptop, clone, git):
        """It cannot tell which of two commits is older, and must not guess."""
        shallow, old = clone("--depth=1"), git(laptop, "rev-parse", "HEAD~1")
        assert plain_git.is_before(laptop, old, git(laptop, "rev-parse", "HEAD"))
        with pytest.raises(UsageError, match=r"shallow.*which of two commits is older"):
            plain_git.is_before(shallow, old, git(shallow, "rev-parse", "HEAD"))

    @pytest.mark.parametrize("with_origin", [True, False])
    def test_that_cannot_be_compared(self, clone, git, with_origin):
        """Without an answer of origin a shallow clone is of no use, whatever tags it has."""
        shallow = clone("--depth=1")
        git(shallow, "fetch", "--quiet", "--tags", "--depth=1")
        if with_origin:
            silence(git, shallow)
        else:
            git(shallow, "remote", "remove", "origin")
        with pytest.raises(UsageError, match=r"This clone is shallow and .*origin.*--unshallow"):
            ledger.read(shallow)


class TestWhole:
    @pytest.mark.parametrize("read", [ledger.read, ledger.fetch])
    def test_without_tags(self, laptop, clone, git, read):
        """A clone that was made without tags gets those of the ledger."""
        bare = clone("--no-tags")
        assert git(bare, "tag") == ""
        assert read(bare) == ledger.read(laptop)
        assert read(bare).current().held

    def test_without_tags_and_origin(self, clone, git):
        """It is refused where origin cannot be asked: it would see no production."""
        bare = clone("--no-tags")
        silence(git, bare)
        with pytest.raises(UsageError, match=r"made without tags.*Next: git fetch --tags"):
            ledger.read(bare)

    def test_what_others_pushed(self, laptop, clone):
        """What another clone has pushed meanwhile is seen."""
        other = clone()
        ledger.assign(laptop, "v1.1.0", why="repaired", hold=False, push=True)
        assert ledger.read(other).current().version == "v1.1.0"

    def test_offline(self, laptop, clone, git, caplog):
        """Without a network a whole clone is read, with a warning; nobody decides by it."""
        other = clone()
        silence(git, other)
        assert ledger.read(other) == ledger.read(laptop)
        [warning] = caplog.messages
        assert "pushed since the last fetch is unknown here: git failed at origin" in warning
        with pytest.raises(StoreUnreachable, match="git failed at origin"):
            ledger.fetch(other)

    def test_that_waits(self, laptop, git, monkeypatch, tmp_path):
        """An origin that accepts and says nothing is an origin that does not answer."""
        program = tmp_path / "slow-ssh"
        program.write_text("#!/bin/sh\nexec sleep 60\n")
        program.chmod(0o755)
        monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
        monkeypatch.setattr(plain_git, "ANSWER_S", 0.2)
        git(laptop, "remote", "set-url", "origin", "ssh://127.0.0.1/x")
        with pytest.raises(StoreUnreachable, match=r"no answer within 0\.2 s"):
            ledger.fetch(laptop)

    def test_no_origin(self, laptop, git, caplog):
        """Without an origin the clone itself is the ledger."""
        git(laptop, "remote", "remove", "origin")
        assert ledger.fetch(laptop).current().version == "v1.0.0"
        assert tags.sync(laptop) == caplog.messages == []


class TestOnlyHere:
    def test_an_assignment(self, laptop, clone, caplog):
        """It is read with a warning; what decides for everybody refuses it."""
        other = clone()
        ledger.assign(other, "v1.1.0", why="mine", hold=False)
        assert ledger.read(other).current().version == "v1.1.0"
        assert caplog.messages[-1].startswith("Only this clone has model#production#3.")
        match = r"model#production#3: only this clone has it.*git push origin '.*git tag --delete"
        with pytest.raises(UsageError, match=match):
            ledger.fetch(other)

    def test_a_version(self, registered, git, write_bundle):
        """It may be deployed: it is pushed together with its assignment."""
        git(registered, "tag", "model@v1.2.0", "HEAD")
        git(registered, "tag", "--delete", "model@v1.1.0")
        git(registered, "tag", "--annotate", "--message", "{}", "model@v1.3.0", "HEAD~1")
        ledger.assign(registered, "v1.3.0", why="new", push=True)
        assert "model@v1.3.0" in git(registered, "ls-remote", "origin")
        assert "model@v1.2.0" not in git(registered, "ls-remote", "origin")

    def test_two_laptops_register_the_same_version(self, laptop, clone, git):
        """The second one is refused, before and after it writes the tag."""
        note = ("--annotate", "--message", json.dumps({"bundle_id": "other"}))
        other = clone()
        git(laptop, "tag", *note, "model@v1.2.0", "HEAD")
        git(other, "tag", *note, "model@v1.2.0", "HEAD~1")
        git(laptop, "push", "--quiet", "origin", "model@v1.2.0")
        match = r"model@v1\.2\.0 of this clone is not origin's.*git tag --delete 'model@v1\.2\.0'"
        for read in (ledger.read, ledger.fetch):
            with pytest.raises(UsageError, match=match):
                read(other)
        git(other, "tag", "--delete", "model@v1.2.0")
        assert ledger.read(other) == ledger.read(laptop)


class TestPublish:
    def test_a_refused_push_leaves_nothing(self, laptop, git, tmp_path):
        """Where origin takes no tag, no later command reads one as true."""
        hook = tmp_path / "origin/hooks/update"
        hook.write_text("#!/bin/sh\necho GH013: Repository rule violations found >&2\nexit 1\n")
        hook.chmod(0o755)
        before = git(laptop, "for-each-ref")
        with pytest.raises(StoreUnreachable, match="GH013"):
            ledger.assign(laptop, "v1.1.0", why="repaired", hold=False, push=True)
        assert git(laptop, "for-each-ref") == before
        hook.unlink()
        ledger.assign(laptop, "v1.1.0", why="repaired", hold=False, push=True)
        assert ledger.read(laptop).current().version == "v1.1.0"

    def test_a_name_that_another_run_took(self, laptop, clone, git, monkeypatch):
        """Origin's tag stays; the next call sees it."""
        other = clone()
        ask = ledger.ledger_tags.sync
        monkeypatch.setattr(ledger.ledger_tags, "sync", lambda repo: [])
        ledger.assign(laptop, "v1.0.0", why="all clear", hold=False, push=True)
        with pytest.raises(ledger.TagTaken, match=r"another model#production#3.*same command"):
            ledger.assign(other, "v1.1.0", why="repaired", hold=False, push=True)
        monkeypatch.setattr(ledger.ledger_tags, "sync", ask)
        assert ledger.read(other).current().note["why"] == "all clear"

    def test_a_lost_answer(self, laptop, git, monkeypatch):
        """Where origin took the tag and its answer was lost, it was pushed."""
        ask = plain_git._at_origin

        def lose(repo, *args, **more):
            done = ask(repo, *args, **more)
            done.returncode = done.returncode or (args[0] == "push")
            return done

        monkeypatch.setattr(plain_git, "_at_origin", lose)
        now, new = ledger.assign(laptop, "v1.1.0", why="repaired", hold=False, push=True)
        assert (now.tag, new) == ("model#production#3", True)
        assert "model#production#3" in all_tags(git, laptop)


class TestSubfolder:
    def test_a_project_in_a_larger_repository(self, project):
        """The first command that reads or writes the ledger says what is wrong."""
        inner = replace(project, root=project.root / "models" / "churn")
        inner.root.mkdir(parents=True)
        (inner.root / "dvc.yaml").touch()
        made, verdict = inner.ship("a")
        match = r"is the folder models/churn/ of a larger repository, and must be the root of its"
        calls = [
            lambda: ledger.register(inner.root, made, verdict),
            lambda: ledger.read(inner.root),
            lambda: ledger.fetch(inner.root),
            lambda: ledger.assign(inner.root, "v1.0.0", why="x"),
        ]
        for call in calls:
            with pytest.raises(UsageError, match=match):
                call()
        assert project.git("tag") == ""


def test_the_images_of_the_ledger(project, git):
    """Withdrawn ones too, by their digests; and a git that fails is no empty ledger."""
    digests = [f"sha256:{mark * 64}" for mark in "012"]
    ledger.register(project.root, *project.ship("a"))
    for digest in digests:
        ledger.assign(project.root, "v1.0.0", why="x", image=f"ghcr.io/o/r@{digest}")
    git(project.root, "tag", "-a", "-m", "bad", "model#production!#4", "model@v1.0.0^{}")
    assert tags.image_digests(project.root) == set(digests)
    with pytest.raises(UsageError, match="git for-each-ref"):
        tags.image_digests(project.root / "..")


def test_without_a_repository_there_are_no_versions(tmp_path):
    """An image that trains has the files of a commit, and neither git nor a ledger."""
    assert not tags.has_versions(tmp_path)
