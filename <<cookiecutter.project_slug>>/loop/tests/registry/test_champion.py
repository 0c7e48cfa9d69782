"""The champion comes out of DVC's store at the version's commit; the work tree stays as it is."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from dvc.repo import Repo

from mlops_loop import paths
from mlops_loop.errors import NoValidBundle, StoreUnreachable
from mlops_loop.gate import gate
from mlops_loop.model import bundle
from mlops_loop.registry import champion, ledger

# dvc 3.67 asks pygtrie for a value in a way that pygtrie will take away.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


@pytest.fixture
def ship(dvc_project):
    """`ship("a")` trains, stores, registers and assigns a model; returns its bundle."""

    def run(mark):
        made, verdict = dvc_project.ship(mark)
        version, _ = ledger.register(dvc_project.root, made, verdict)
        ledger.assign(dvc_project.root, version.version, why=mark)
        return made

    return run


def fetch(root):
    """The bundle of the version in production, in build/champion."""
    entries = ledger.read(root)
    version = entries.find(entries.current().version)
    return champion.fetch_version(root, version, root / paths.CHAMPION)


def test_same_hash_as_dvc(dvc_project):
    """What we hash is what DVC writes to dvc.lock, in subfolders too."""
    made = dvc_project.train("a")
    for name in ("b/deep.txt", "b.txt", "b-c/é.txt", "empty"):
        path = made.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name * 3 if name != "empty" else "")
    dvc_project.store()
    written = (dvc_project.root / "dvc.lock").read_text()
    assert ledger.folder_hash(made.folder) in written


def test_no_champion(dvc_project, monkeypatch):
    """Before the first assignment there is no champion."""
    monkeypatch.chdir(dvc_project.root)
    production = gate._production(pd.DataFrame(index=range(3)))
    assert (production.model, list(production.seen), production.facts) == (None, [False] * 3, None)


def test_champion(dvc_project, ship):
    """The champion is the bundle that was assigned, while the challenger stays on disk."""
    first = ship("a")
    made = dvc_project.train("b")
    status = dvc_project.git("status", "--porcelain")
    assert fetch(dvc_project.root).id == first.id
    assert bundle.load(dvc_project.root / paths.BUNDLE).id == made.id
    assert dvc_project.git("status", "--porcelain") == status


def test_after_rollback(dvc_project, ship):
    """After a rollback the champion is the old version again, in the same folder."""
    first, second = ship("a"), ship("b")
    assert fetch(dvc_project.root).id == second.id
    ledger.assign(dvc_project.root, "v1.0.0", why="back", hold=True)
    assert fetch(dvc_project.root).id == first.id


def test_copies(dvc_project, ship):
    """Who writes to the champion does not write to DVC's store."""
    made = ship("a")
    fetched = fetch(dvc_project.root)
    for path in fetched.folder.iterdir():
        path.write_text("overwritten\n")
    assert fetch(dvc_project.root).id == made.id


@pytest.mark.parametrize("what", ["all", "list", "file"])
def test_missing_object(dvc_project, ship, what):
    """A missing object names the version and the next command, and leaves no champion."""
    ship("a")
    cache = dvc_project.root / ".dvc/cache/files/md5"
    lists, files = (
        [p for p in cache.rglob("*") if p.is_file() and (p.suffix == ".dir") is is_list]
        for is_list in (True, False)
    )
    for path in {"all": lists + files, "list": lists, "file": files[:1]}[what]:
        path.unlink()
    with pytest.raises(StoreUnreachable, match=r"v1\.0\.0 .*git checkout model@v1\.0\.0"):
        fetch(dvc_project.root)
    with pytest.raises(NoValidBundle):
        bundle.load(dvc_project.root / "build/champion")


def test_remote_of_today(dvc_project, ship):
    """An empty cache is filled from the remote, also one that is newer than the version."""
    made = ship("a")
    config = "['remote \"store\"']\n    url = ../../store\n[core]\n    remote = store\n"
    (dvc_project.root / ".dvc/config").write_text(config)
    with Repo(str(dvc_project.root)) as repo:
        repo.push()
    shutil.rmtree(dvc_project.root / ".dvc/cache")
    assert fetch(dvc_project.root).id == made.id


def test_dead_remote(dvc_project, ship):
    """A remote that does not answer is no traceback."""
    ship("a")
    config = "['remote \"store\"']\n    url = http://127.0.0.1:9/\n[core]\n    remote = store\n"
    (dvc_project.root / ".dvc/config").write_text(config)
    shutil.rmtree(dvc_project.root / ".dvc/cache")
    with pytest.raises(StoreUnreachable, match=r"v1\.0\.0"):
        fetch(dvc_project.root)


def test_moved_tag(dvc_project, ship):
    """A tag that was moved to another commit is noticed by its bundle."""
    ship("a")
    note = dvc_project.git("for-each-ref", "--format=%(contents)", "refs/tags/model@v1.0.0")
    made, _ = dvc_project.ship("b")
    for name in ("model@v1.0.0", "model#production#1"):
        dvc_project.git("tag", "--force", "--annotate", "--message", note, name)
    with pytest.raises(NoValidBundle, match=rf"leads to {made.id}: the tag was moved"):
        fetch(dvc_project.root)


def test_tampered_store(dvc_project, ship):
    """An object that was changed in the store is refused by its hash."""
    ship("a")
    for path in (dvc_project.root / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and "Model a" in path.read_text():
            path.chmod(0o644)
            path.write_text("other\n")
    with pytest.raises(NoValidBundle, match="does not match its manifest"):
        fetch(dvc_project.root)


def test_the_gate_knows_the_reason(dvc_project, ship, monkeypatch):
    """A champion that cannot be read stands before the gate with its version and the reason."""
    ship("a")
    shutil.rmtree(dvc_project.root / ".dvc/cache")
    monkeypatch.chdir(dvc_project.root)
    production = gate._production(pd.DataFrame(index=range(3)))
    assert (production.facts, list(production.seen)) == (None, [False] * 3)
    assert (production.model.name, production.model.status) == ("v1.0.0", "fail")
    assert "v1.0.0 is neither in DVC's cache nor in a remote" in production.model.reason


def test_it_is_looked_for_in_the_store_of_the_environment(dvc_project, ship, monkeypatch):
    """By its URL and its login, as all else of the store."""
    ship("a")
    monkeypatch.setenv("STORE_URL", "s3://bucket/dvc")
    monkeypatch.setenv("STORE_USERNAME", "me")
    monkeypatch.setenv("STORE_PASSWORD", "pa55")
    asked = []

    def refuse(repo, rev, config):
        asked.append(config)
        raise ConnectionError("nobody there")

    monkeypatch.setattr("dvc.api.DVCFileSystem", refuse)
    with pytest.raises(StoreUnreachable, match="nobody there"):
        fetch(dvc_project.root)
    (config,) = asked
    remote = config["remote"][config["core"].get("remote", "store")]
    assert remote["url"] == "s3://bucket/dvc"
    assert (remote["access_key_id"], remote["secret_access_key"]) == ("me", "pa55")
