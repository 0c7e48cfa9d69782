"""A remote of DVC that lost or damaged a file: found, and mended by the next push."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner
from dvc_objects.fs.local import LocalFileSystem

from mlops_loop.commands import store as commands
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.storage import store
from mlops_loop.storage.objects import NAME
from mlops_loop.storage.remote import RemoteStore

pytestmark = [
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),  # fork, to kill
]


@pytest.fixture
def box(tmp_path):
    """The remote's folder."""
    return tmp_path / "box"


@pytest.fixture
def refused(monkeypatch):
    """`refused(folder, "pull")` runs a command that exits with 6; its message and its output."""

    def run(folder, *args):
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(commands.store, args)
        assert isinstance(result.exception, StoreUnreachable), result.output
        return f"{result.exception}\n{result.output}"

    return run


def member(box):
    """A file of the folder data, whose listing is in the remote."""
    (listing,) = box.rglob("*.dir")
    name = json.loads(listing.read_text())[0]["md5"]
    return box / "files/md5" / name[:2] / name[2:]


def test_a_lost_file_of_a_folder_is_pushed(remote, clone, call, box):
    """DVC trusts the listing (treeverse/dvc#11011): the push would find nothing to do for ever."""
    call(remote, "push")
    lost = member(box)
    lost.unlink()
    assert "To pull: 0, to push: 1." in call(remote, "status")
    assert "Pushed: 1." in call(remote, "push")
    assert lost.exists()
    assert "To pull: 0, to push: 0." in call(remote, "status")
    assert "Pulled: 33." in call(clone("b"), "pull")


def test_a_lost_file_is_missing_and_all_else_comes(remote, clone, call, box):
    """In a clone that has it not either."""
    call(remote, "push", "--runs")
    member(box).unlink()
    said = call(clone("b"), "pull")
    assert "Pulled: 33." in said  # 32 objects and one run
    assert "1 objects of this commit are missing, here and there." in said


@pytest.fixture
def in_place(monkeypatch):
    """The folder is as a host by SFTP: a file has its name from its first byte on."""

    def put(self, here, there, callback=None, **more):
        Path(there).parent.mkdir(parents=True, exist_ok=True)
        if put.left == 0:
            Path(there).write_bytes(Path(here).read_bytes()[:-1])
            os._exit(9)
        put.left -= 1
        shutil.copyfile(here, there)

    put.left = -1
    monkeypatch.setattr(LocalFileSystem, "put_file", put)
    monkeypatch.setattr(RemoteStore, "_is_atomic", lambda self: False)
    return put


@pytest.mark.parametrize("done", [0, 1, 20, 33])
def test_a_killed_push_leaves_no_half_file(remote, clone, call, box, in_place, done):
    """Nothing has its name before it is whole; the next push brings all."""
    child = os.fork()
    if not child:
        in_place.left = done
        with chdir(remote), store.open_store(remote) as opened:
            opened.push(runs=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    names = [p.relative_to(box).as_posix() for p in box.rglob("*") if p.is_file()]
    assert len(names) == done + 1
    assert not list(filter(NAME.fullmatch, names))
    assert "is empty: a cold start" in call(remote, "status")
    assert "Pushed: 34." in call(remote, "push", "--runs")
    assert "Pulled: 34." in call(clone("b"), "pull")


def test_a_push_that_another_one_overtakes(remote, call, box, in_place, monkeypatch):
    """The file is there already, whole: a host may refuse to rename to its name."""
    call(remote, "push")
    lost = member(box)
    kept = lost.rename(box / "kept")

    def refuse(self, part, name):
        shutil.copy(kept, name)
        raise FileExistsError(name)

    monkeypatch.setattr(LocalFileSystem, "move", refuse)
    assert "Pushed: 1." in call(remote, "push")
    assert lost.exists()
    assert not list(lost.parent.glob(f"{lost.name}.*"))


@pytest.mark.parametrize("content", [b"", b"other"])
def test_a_damaged_file_is_not_taken(remote, clone, call, refused, box, content):
    """Nor counted on once it is found; whoever has it stores it again."""
    call(remote, "push", "--runs")
    damaged = member(box)
    damaged.chmod(0o644)
    damaged.write_bytes(content)
    there = clone("b")
    said = refused(there, "pull")
    assert "this commit needs 1 of them" in said
    assert "Pulled: 33." in said
    assert not (there / ".dvc/cache" / damaged.relative_to(box)).exists()
    assert "1 of 34 files" in refused(there, "status", "--verify")
    assert (box / "damaged" / damaged.relative_to(box)).read_bytes() == content
    assert "To pull: 0, to push: 1." in call(remote, "status", "--verify")
    assert "Pushed: 1." in call(remote, "push")
    assert "Pulled: 1." in call(there, "pull")
    assert "To pull: 0, to push: 0." in call(there, "status", "--verify")


def test_a_damaged_run_is_not_taken(remote, clone, call, box):
    """A run says what a stage made: a false one would be believed."""
    call(remote, "push", "--runs")
    (run,) = (p for p in (box / "runs").rglob("*") if p.is_file())
    run.write_text("outs: []\n")
    there = clone("b")
    said = call(there, "pull")
    assert "Pulled: 33." in said
    assert not list((there / ".dvc/cache/runs").rglob("*")) or not any(
        p.is_file() for p in (there / ".dvc/cache/runs").rglob("*")
    )


@pytest.mark.parametrize("suffix", ["", ".dir"])
def test_what_is_damaged_here_is_not_pushed(remote, call, monkeypatch, suffix):
    """A cache that is damaged, a file or the listing of a folder, does not damage the store."""
    files = (p for p in (remote / ".dvc/cache/files").rglob("*") if p.is_file())
    victim = next(p for p in files if p.suffix == suffix)
    victim.chmod(0o644)
    victim.write_bytes(b"other")
    monkeypatch.chdir(remote)
    result = CliRunner().invoke(commands.store, ["push"])
    assert isinstance(result.exception, UsageError)
    assert "is damaged" in str(result.exception)


def test_an_empty_remote_with_versions_is_unreachable(remote, call, refused, box, git, monkeypatch):
    """A folder that is not mounted is no cold start, once there are versions."""
    assert "cold start" in call(remote, "status")
    git(remote, "tag", "model@v1.0.0")
    for command in (["status"], ["pull"]):
        assert "is empty, and there are versions" in refused(remote, *command)
    assert "Pushed: 33." in call(remote, "push")
    shutil.rmtree(box)
    assert "is empty, and there are versions" in refused(remote, "pull")
