"""Tags of commits whose workflow files GitHub knows from no branch: a child has those of main."""

from __future__ import annotations

from subprocess import CalledProcessError

import pytest

from mlops_loop import workflow_files
from mlops_loop.errors import StoreUnreachable
from mlops_loop.gate import gate
from mlops_loop.registry import ledger

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture
def laptop(registered, git, tmp_path, github_rule):
    """A project with two versions and workflows; after v1.1.0 main has changed one."""
    change(git, registered, "on: push\n")
    old = git(registered, "rev-parse", "HEAD")
    github_rule(tmp_path / "origin")
    note = git(registered, "for-each-ref", "--format=%(contents)", "refs/tags/model@v1.1.0")
    git(registered, "tag", "--force", "--annotate", "--message", note, "model@v1.1.0", old)
    git(registered, "push", "--quiet", "--force", "origin", "model@v1.1.0")
    change(git, registered, "on: pull_request\n")
    return registered


def change(git, root, text, name=WORKFLOW):
    """Change a workflow on main; the push of a person, whom no rule holds."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    git(root, "add", name)
    git(root, "commit", "--quiet", "--message", "A workflow")
    hook = root.parent / "origin/hooks/update"
    rule = hook.read_text() if hook.exists() else ""
    hook.unlink(missing_ok=True)
    git(root, "push", "--quiet", "origin", "HEAD:main")
    if rule:
        hook.write_text(rule)
        hook.chmod(0o755)


def test_an_older_commit_is_tagged_by_a_child(laptop, git):
    """It has main's workflow files and the version's everything else; nothing else changes."""
    before = git(laptop, "status", "--porcelain"), git(laptop, "rev-parse", "HEAD")
    child = workflow_files.pushable(laptop, "model@v1.1.0")
    assert git(laptop, "diff", "--name-only", "model@v1.1.0", child) == WORKFLOW
    assert git(laptop, "show", f"{child}:{WORKFLOW}") == "on: pull_request"
    assert git(laptop, "rev-parse", f"{child}^") == git(laptop, "rev-parse", "model@v1.1.0^{}")
    assert (git(laptop, "status", "--porcelain"), git(laptop, "rev-parse", "HEAD")) == before


def test_a_commit_with_the_files_of_main_is_tagged_itself(laptop):
    """Nothing has to be brought in."""
    assert workflow_files.pushable(laptop, "HEAD") == "HEAD"


def test_without_workflows_or_origin_nothing_is_made(registered, git):
    """A project that is not on GitHub."""
    assert workflow_files.pushable(registered, "model@v1.0.0") == "model@v1.0.0"
    git(registered, "remote", "set-url", "origin", "/nowhere")
    with pytest.raises(StoreUnreachable, match="git failed at origin"):
        workflow_files.pushable(registered, "HEAD")
    git(registered, "remote", "remove", "origin")
    assert workflow_files.pushable(registered, "HEAD") == "HEAD"


def test_a_workflow_that_main_has_removed(laptop, git):
    """The files are exactly those of main."""
    git(laptop, "rm", "--quiet", WORKFLOW)
    change(git, laptop, "on: push\n", ".github/workflows/other.yml")
    child = workflow_files.pushable(laptop, "model@v1.1.0")
    names = git(laptop, "ls-tree", "--name-only", f"{child}:.github/workflows").split()
    assert names == ["other.yml"]


def test_main_that_this_clone_has_not_fetched(laptop, git, tmp_path):
    """Its newest commit is fetched."""
    git(tmp_path, "clone", "--quiet", "origin", "other")
    change(git, laptop, "on: schedule\n")
    child = workflow_files.pushable(tmp_path / "other", "model@v1.1.0")
    assert git(tmp_path / "other", "show", f"{child}:{WORKFLOW}") == "on: schedule"


class TestLedger:
    def test_the_rule_is_that_of_github(self, laptop, git):
        """A tag of the version's own commit is refused."""
        ledger.assign(laptop, "v1.1.0", why="mine", hold=False)
        with pytest.raises(CalledProcessError) as refused:
            git(laptop, "push", "--quiet", "origin", "model#production#1")
        assert "without workflows permission" in refused.value.stderr

    def test_a_rollback_after_a_workflow_changed(self, laptop, git):
        """The ledger names the version, at origin too."""
        ledger.assign(laptop, "v1.1.0", why="first", push=True)
        now, _ = ledger.assign(laptop, "v1.0.0", why="late", hold=True, push=True)
        entries = ledger.fetch(laptop)
        assert entries.current() == now
        assert (now.version, now.held, now.note["previous"]) == ("v1.0.0", True, "v1.1.0")
        assert git(laptop, "show", f"{now.commit}:{WORKFLOW}") == "on: pull_request"
        lock = git(laptop, "show", "model@v1.0.0:dvc.lock")
        assert git(laptop, "show", "model#production#2:dvc.lock") == lock
        assert gate._facts(Model(), entries.find(now.version))["commit"] != now.commit

    def test_a_slow_release(self, laptop, git, write_bundle):
        """A workflow changed on main while it ran: its version is registered and assigned."""
        git(laptop, "checkout", "--quiet", "HEAD~1")
        made = write_bundle(laptop / "models/bundle", "c")
        lock = (laptop / "dvc.lock").read_text()
        entries = ledger.local(laptop)
        assert entries.version_of_bundle(made.id) is None
        (laptop / "dvc.lock").write_text(lock + f"# {ledger.folder_hash(made.folder)}\n")
        ledger.commit_lock(laptop)
        verdict = {"decision": "PROMOTE", "challenger": made.id}
        version, _ = ledger.register(laptop, made, verdict, push=True)
        lock = git(laptop, "show", f"{version.tag}:dvc.lock")
        assert version.version == "v1.2.0"
        assert ledger.folder_hash(made.folder) in lock
        now, _ = ledger.assign(laptop, "v1.2.0", why="slow", push=True)
        assert (now.version, now.commit) == ("v1.2.0", version.commit)

    def test_a_withdrawn_assignment(self, laptop, git):
        """By its name: another one of the same commit stays."""
        for hold in (True, False):
            ledger.assign(laptop, "v1.0.0", why="x", hold=hold, push=True)
        held, lifted = ledger.local(laptop).assignments
        ledger.unassign(laptop, lifted, "bad")
        assert ledger.fetch(laptop).assignments == [held]

    def test_an_old_ledger(self, laptop, git):
        """An assignment whose annotation names no version is one of its commit."""
        notes = [("v1.0.0", '{"why": "old"}'), ("v1.1.0", '{"version": "v9.9.9"}')]
        for count, (version, note) in enumerate(notes):
            tag = f"model#production#{count}"
            git(laptop, "tag", "--annotate", "--message", note, tag, f"model@{version}^{{}}")
        entries = ledger.local(laptop)
        assert [each.version for each in entries.assignments] == ["v1.0.0"]  # v9.9.9 is unknown


class Model:
    """A bundle, as far as the gate's facts need one."""

    id, manifest = "b1", {}

    def read_json(self, name):
        return {}
