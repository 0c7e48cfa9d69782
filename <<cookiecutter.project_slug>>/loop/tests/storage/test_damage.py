"""What a store lost or damaged: found, reported, mended by whoever has it; nothing else goes."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress

import pytest
from click.testing import CliRunner
from servers import registry
from stores import SENT_BYTES, cached, change, on

from mlops_loop.commands import store as commands
from mlops_loop.errors import StoreUnreachable
from mlops_loop.storage import index
from mlops_loop.storage.artifact import ArtifactStore

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


@pytest.fixture
def server_folder(tmp_path):
    """A registry has one file for all blobs of the same content: each test has its own disk."""
    return tmp_path / "registry"


@pytest.fixture
def server(server_folder):
    server_folder.mkdir()
    with registry(server_folder) as url:
        yield url


@pytest.fixture(autouse=True)
def large_file_alone(monkeypatch):
    monkeypatch.setattr(index, "PACK", SENT_BYTES // 2)


def blobs(server_folder, store, only=lambda pack: True):
    """The files of packs on the registry's disk, largest first."""
    packs = {d: pack for d, pack in store.read_index().packs.items() if only(pack)}
    found = [
        server_folder / f"docker/registry/v2/blobs/sha256/{d[7:9]}/{d[7:]}/data" for d in packs
    ]
    return sorted(found, key=lambda path: -path.stat().st_size)


def lose(blob):
    shutil.rmtree(blob.parent)


def cut(blob):
    blob.write_bytes(blob.read_bytes()[:-1])


def flip(blob):
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(bytes(data))


def empty(blob):
    blob.write_bytes(b"")


@pytest.mark.parametrize("damage", [lose, cut, flip, empty])
@pytest.mark.parametrize("which", ["large", "small"])
def test_damage_is_found_and_mended_by_who_has_it(
    root, clone, url, server_folder, damage, which, monkeypatch
):
    """A pack of one large file, and one of many small ones, on the disk of a real registry."""
    first = on(root, url)
    first.push(runs=True)
    several = which == "small"
    damage(blobs(server_folder, first, lambda pack: (len(pack) > 1) == several)[0])

    pulled = on(clone("before"), url).pull()
    rest = {p.removeprefix(".dvc/cache/") for p in cached(root)} - pulled.lost
    assert 1 <= len(pulled.lost) < 34
    assert pulled.files == len(rest), "all else comes"

    finder = on(clone("finder"), url)
    verified = finder.verify()
    assert verified.damaged == pulled.lost
    assert verified.noted
    assert finder.status().objects == 33 - len([p for p in pulled.lost if p.startswith("files")])
    assert not finder.verify().damaged, "it is known now, and no longer counted on"

    assert first.push(runs=True) == len(pulled.lost)
    assert not first.verify().damaged
    assert on(clone("after"), url).pull().files == 34
    assert on(clone("later"), url).gc(["HEAD"], delete=True) == 0
    again = on(clone("last"), url)
    assert again.pull().files == 34
    assert again.status().objects == 33


def test_what_is_sound_in_a_damaged_pack_is_kept(root, clone, url, server_folder):
    """One bit of 30 small files: one file is lost, and 29 are stored anew."""
    first = on(root, url)
    first.push()
    flip(blobs(server_folder, first, lambda pack: len(pack) > 1)[0])
    verified = on(clone("finder"), url).verify()
    assert len(verified.damaged) == 1
    shutil.rmtree(root / ".dvc/cache")
    assert on(clone("b"), url).pull().files == 32


def test_verify_leaves_the_cache_alone(root, clone, url):
    """A sound store is read, and nothing is kept of it."""
    on(root, url).push(runs=True)
    there = clone("b")
    verified = on(there, url).verify()
    assert (verified.files, verified.damaged) == (34, frozenset())
    assert cached(there) == {}


def test_who_may_only_read_finds_and_says_so(root, clone, url, door, server_folder):
    """The note needs a login that may write."""
    first = on(root, url)
    first.push()
    lose(blobs(server_folder, first)[0])
    door.rules.append(lambda visit: visit.command in ("POST", "PUT") and (visit.reply(403) or True))
    verified = on(clone("b"), url.replace(door.behind, door.url)).verify()
    assert len(verified.damaged) == 1
    assert not verified.noted


def test_a_listed_tag_that_cannot_be_read_is_unreachable(root, clone, url, door):
    """Its manifest answers 404 for a moment: folded as merged, its files would be lost for good."""
    other = clone("b")
    on(root, url).push(runs=True)
    on(other, url).pull()
    change(other, "two\n")
    here = on(other, url.replace(door.behind, door.url))
    here._merge = here.read_index  # killed before it merges
    here.push(runs=True)
    lone = next(tag for tag in here.registry.tags() if tag not in {"latest"} | merged(here))

    door.rules.append(
        lambda visit: visit.command == "GET" and visit.path.endswith(lone)
        and (visit.reply(404) or True)
    )  # fmt: skip
    change(root, "three\n")
    third = on(root, url.replace(door.behind, door.url))
    for action in (third.push, third.pull, third.status, lambda: third.gc(["HEAD"], delete=True)):
        with pytest.raises(StoreUnreachable, match="404 Not Found for what it should have"):
            action()
    door.rules.clear()
    assert lone not in merged(third)
    assert third.push(runs=True) > 0
    assert on(clone("c"), url).read_index().files == third.cached_files() | here.cached_files()
    assert lone in merged(third)


def not_there(door, path, times):
    """Let the next requests of a path be answered with 404."""
    left = [404] * times

    def rule(visit):
        if path in visit.path and left:
            visit.reply(left.pop())
            return True
        return False

    door.rules.append(rule)


def merged(store):
    return store.read_tag("latest").merged


def test_a_tag_that_comes_back_at_once_is_read(root, clone, url, door):
    """The same request again, which is what a moment asks for."""
    on(root, url).push()
    not_there(door, "manifests/latest", times=2)
    assert on(clone("b"), url.replace(door.behind, door.url)).pull().files == 33


def test_a_push_that_stored_less_fails(root, url, monkeypatch):
    """What is there is compared with what was to be there, in the end."""
    here = on(root, url)
    monkeypatch.setattr(ArtifactStore, "write_index", lambda self, tag, index: None)
    monkeypatch.setattr(here.registry, "tags", lambda: [])
    with pytest.raises(StoreUnreachable, match=r"33 of 33 files are not in the store .*Next: loop"):
        here.push()


# A blob is asked for and sent: three packs and the index; a manifest; then index and `latest`.
@pytest.mark.parametrize("killed_at", range(1, 14))
def test_a_killed_push_is_continued_by_the_next(root, clone, url, small_packs, killed_at):
    """Before any write: status tells what is missing, and the next push stores the rest."""
    first = on(root, url)
    first.push()
    change(root, "two\n")
    here = on(root, url)
    ask, writes = here.registry._http.request, []

    def request(method, url, **call):
        if method not in ("GET", "HEAD"):
            writes.append(url)
            if len(writes) == killed_at:
                raise KeyboardInterrupt
        return ask(method, url, **call)

    here.registry._http.request = request
    with suppress(KeyboardInterrupt):
        here.push(runs=True)
    assert len(writes) == killed_at or killed_at > 12
    here, there = on(root, url), on(clone("b"), url)
    to_push = here.cached_files() - there.read_index().files
    assert here.status().to_push == len(to_push & here.needed_objects())
    assert there.pull().files == len(here.cached_files() - to_push)
    assert here.push(runs=True) == len(to_push)
    assert on(clone("c"), url).pull().files == len(here.cached_files())


@pytest.mark.parametrize("answer", [(404, b""), (200, b"<html>Sign in</html>"), (200, b"null")])
def test_no_list_of_tags_is_no_empty_store(root, clone, url, door, answer):
    """Once there are versions; the exit code says it, and no stage runs for hours."""
    on(root, url).push()
    door.rules.append(lambda visit: "tags/list" in visit.path and (visit.reply(*answer) or True))
    here = on(clone("b"), url.replace(door.behind, door.url), has_versions=True)
    for action in (here.pull, here.status, here.verify):
        with pytest.raises(StoreUnreachable):
            action()
    door.rules.clear()
    assert here.pull().files == 33


def test_a_moment_without_tags_does_not_empty_the_store(root, clone, url, door):
    """The next push reads again before it writes `latest`."""
    on(root, url).push(runs=True)
    before = on(root, url).read_index().files
    change(root, "two\n")
    here = on(root, url.replace(door.behind, door.url))
    not_there(door, "tags/list", times=1)
    here.push(runs=True)
    assert here.read_tag("latest").files == before | here.cached_files()


@pytest.fixture
def invoke(url, monkeypatch):
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setattr(commands, "has_versions", lambda root: True)

    def run(folder, *args):
        monkeypatch.chdir(folder)
        return CliRunner().invoke(commands.store, args)

    return run


def test_the_commands_tell_it(root, clone, url, invoke, server_folder):
    """Each exits with 6 and names the files and the next command; a push ends it."""
    assert isinstance(invoke(root, "status").exception, StoreUnreachable)
    assert "holds 33 objects" in invoke(root, "push").stdout
    assert "Verified: 33 files." in invoke(root, "status", "--verify").output
    lose(blobs(server_folder, on(root, url))[0])
    there = clone("b")
    pulled = invoke(there, "pull")
    assert "Pulled: 32." in pulled.output
    assert "needs 1 of them: 'files/md5/" in str(pulled.exception)
    found = invoke(there, "status", "--verify", "--json")
    assert json.loads(found.stdout)["objects"] == 32
    assert "1 of 33 files" in str(found.exception)
    assert "Next: on each machine that may have them, loop store push" in str(found.exception)
    assert "Pushed: 1." in invoke(root, "push").output
    assert "Pulled: 1." in invoke(there, "pull").output
