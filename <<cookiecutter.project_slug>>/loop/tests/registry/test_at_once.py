"""Two laptops at once, each with a clone of its own: one is first, and the other one is told."""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from dvc.repo import Repo

from mlops_loop import git as plain_git
from mlops_loop import paths
from mlops_loop.errors import UsageError
from mlops_loop.registry import ledger
from mlops_loop.registry.ledger import TagTaken

# dvc 3.67 asks pygtrie for a value in a way that pygtrie will take away.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


@pytest.fixture
def laptop(registered, git, tmp_path, write_bundle):
    """`laptop("ada", "c")` clones origin, trains a model and commits; folder and arguments."""

    def sit(name, mark):
        folder = tmp_path / name
        git(tmp_path, "clone", "--quiet", "origin", name)
        made = write_bundle(folder / paths.BUNDLE, mark)
        with Repo(str(folder)) as repo:
            repo.commit(force=True)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", f"Train {mark}")
        return folder, made, {"decision": "PROMOTE", "challenger": made.id}

    return sit


@pytest.fixture
def together(monkeypatch):
    """`together(one, two)` runs both, and lets each write its tag before any pushes one.

    Returns what each returned or raised.
    """
    push, mine = plain_git.publish_tag, threading.local()

    def run(*actions):
        meeting = threading.Barrier(len(actions))

        def wait(*args):
            if not hasattr(mine, "met"):
                mine.met = meeting.wait(60)
            return push(*args)

        with monkeypatch.context() as patched, ThreadPoolExecutor(len(actions)) as pool:
            patched.setattr(plain_git, "publish_tag", wait)
            return [_outcome(future) for future in [pool.submit(action) for action in actions]]

    return run


def _outcome(future):
    try:
        return future.result(120)
    except Exception as error:  # what a test looks at
        return error


def tags_of(git, folder, pattern):
    return git(folder, "for-each-ref", "--format=%(objectname) %(refname)", f"refs/tags/{pattern}")


def test_the_same_version(laptop, together, git, tmp_path):
    """The second is refused, leaves no tag, and the same command gives it the next version."""
    seats = [laptop("ada", "c"), laptop("bob", "d")]
    results = together(*(lambda seat=seat: ledger.register(*seat, push=True) for seat in seats))
    (taken,) = [result for result in results if isinstance(result, TagTaken)]
    assert "another model@v1.2.0. Next: the same command again" in str(taken)
    loser = results.index(taken)
    ((winner, is_new),) = [result for result in results if result is not taken]
    assert (winner.version, is_new) == ("v1.2.0", True)
    assert not tags_of(git, seats[loser][0], "model@v1.2.0")
    again, is_new = ledger.register(*seats[loser], push=True)
    assert (again.version, is_new) == ("v1.3.0", True)
    for folder, *_ in seats:
        assert ledger.fetch(folder).find("v1.2.0").bundle_id == winner.bundle_id
    assert tags_of(git, seats[0][0], "model@*") == tags_of(git, tmp_path / "origin", "model@*")


def test_the_same_model(laptop, together, git):
    """One version, whoever is first; the other one is told that it exists."""
    first, made, verdict = laptop("ada", "c")
    git(first, "push", "--quiet", "origin", "HEAD:main")
    second = shutil.copytree(first, first.parent / "bob", symlinks=True)
    seats = [(first, made, verdict), (second, made, verdict)]
    results = together(*(lambda seat=seat: ledger.register(*seat, push=True) for seat in seats))
    for seat, result in zip(seats, results, strict=True):  # one tag, in the same second
        assert isinstance(result, TagTaken) or result[0].version == "v1.2.0"
        known, is_new = ledger.register(*seat, push=True)
        assert (known.version, is_new) == ("v1.2.0", False)
    assert len(ledger.fetch(first).versions) == 3


def test_versions_that_are_pushed_later(laptop, git):
    """Both register first and push then: git refuses the second tag, and the loop names it."""
    (first, *one), (second, *two) = laptop("ada", "c"), laptop("bob", "d")
    for folder, call in ((first, one), (second, two)):
        assert ledger.register(folder, *call)[0].version == "v1.2.0"
    git(first, "push", "--quiet", "origin", "model@v1.2.0")
    assert plain_git.run(second, "push", "origin", "model@v1.2.0").returncode
    match = r"model@v1\.2\.0 of this clone is not origin's.*git tag --delete 'model@v1\.2\.0'"
    calls = [
        lambda: ledger.register(second, *two),
        lambda: ledger.register(second, *two, push=True),
        lambda: ledger.assign(second, "v1.2.0", why="mine", push=True),
        lambda: ledger.fetch(second),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=match):
            call()
    git(second, "tag", "--delete", "model@v1.2.0")
    assert ledger.register(second, *two, push=True)[0].version == "v1.3.0"
    assert ledger.fetch(first).find("v1.2.0").bundle_id == one[0].id


def test_two_assignments(laptop, together, git, tmp_path):
    """Origin has one; the other is told, and sees it then."""
    folders = [laptop(name, mark)[0] for name, mark in (("ada", "c"), ("bob", "d"))]
    results = together(
        lambda: ledger.assign(folders[0], "v1.0.0", why="ada", push=True),
        lambda: ledger.assign(folders[1], "v1.1.0", why="bob", push=True),
    )
    (taken,) = [result for result in results if isinstance(result, TagTaken)]
    assert "another model#production#1" in str(taken)
    loser = results.index(taken)
    note = git(tmp_path / "origin", "for-each-ref", "--format=%(contents)", "refs/tags/model#*")
    assert json.loads(note)["why"] == ["bob", "ada"][loser]
    assert ledger.read(folders[loser]).current().note["why"] == ["bob", "ada"][loser]
