"""DVC's objects in a container registry: Debian's docker-registry, with a real DVC project."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner
from dvc.repo import Repo
from stores import Door, cached, change, on

from mlops_loop.commands import store as commands
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.storage import index, login, objects, oci, store

# dvc 3.67 asks pygtrie for a value in a way that pygtrie will take away.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


def test_a_fresh_clone_skips_what_main_ran(root, clone, url):
    """All objects and runs arrive with the same bytes, and the stage is restored, not run."""
    assert on(root, url).push(runs=True) == 34  # 31 files, their folder, one output, one run
    there = clone("b")
    assert on(there, url).pull().files == 34
    assert cached(there) == cached(root)
    (there / "dvc.lock").unlink()
    with chdir(there), Repo() as repo:
        repo.reproduce()
        repo.checkout()
    assert (there / "out.txt").read_text() == "raw\n"
    assert (there / "data/7.txt").read_text() == "row 7\n"
    assert not (there / "count.txt").exists()


def test_many_files_are_few_blobs(root, url, door):
    """A second push and a second pull move nothing."""
    here = on(root, url.replace(door.behind, door.url))
    here.push(runs=True)
    assert len([1 for call, path, _ in door.seen if call == "PUT" and "uploads" in path]) == 4
    door.seen.clear()
    assert (here.push(runs=True), here.pull().files) == (0, 0)
    assert {call for call, *_ in door.seen} == {"GET"}


def test_a_laptop_pushes_objects_only(root, clone, url):
    """And only those that its commit needs."""
    change(root, "other\n")
    assert on(root, url).push() == 33
    assert on(clone("b"), url).pull().files == 33
    assert on(root, url).status().runs == 0


def test_an_empty_store_is_a_cold_start(root, url, monkeypatch):
    """Reported in one line by each command, and no error."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("STORE_URL", url)
    for command in (["status"], ["pull"]):
        result = CliRunner().invoke(commands.store, command, catch_exceptions=False)
        assert result.exit_code == 0
        assert re.fullmatch(r"The store \S+ is empty: a cold start\. Next: .*\n", result.stdout)


def test_an_empty_file(root, clone, url):
    """A blob of no bytes is one like others."""
    on(root, url).push()
    change(root, "")
    assert on(root, url).push() == 1
    there = clone("b")
    assert on(there, url).pull().files == 34
    assert cached(there).keys() < cached(root).keys()


def test_status_counts(root, clone, url):
    """What only one side has, and what none has."""
    on(root, url).push()
    there = clone("b")
    numbers = ("objects", "runs", "to_pull", "to_push", "missing")

    def counts(folder):
        status = on(folder, url).status()
        assert status.store == url
        return [getattr(status, name) for name in numbers]

    assert counts(there) == [33, 0, 33, 0, 0]
    change(root, "new\n")
    assert counts(root) == [33, 0, 0, 1, 0]
    shutil.rmtree(root / ".dvc/cache")
    assert counts(root) == [33, 0, 33, 0, 1]


def test_two_pushes_at_once_keep_both(root, clone, url, monkeypatch):
    """One writes `latest` between the other's read and write, is overwritten, and loses nothing."""
    first, second = on(root, url), on(clone("b"), url)
    first.push(runs=True)
    second.pull()
    change(root, "one\n")
    change(Path(second.repo.root_dir), "two\n")
    put = second.registry.put_manifest

    def late(tag, manifest):
        if tag == "latest":
            first.push(runs=True)
        put(tag, manifest)

    monkeypatch.setattr(second.registry, "put_manifest", late)
    second.push(runs=True)
    assert len(first.cached_files() - first.read_tag("latest").files) == 2
    third = on(clone("c"), url)
    third.pull()
    assert third.cached_files() == first.cached_files() | second.cached_files()
    third.push()
    assert third.read_tag("latest").files == third.cached_files()


def test_pushes_fold(root, url):
    """`latest` alone holds all after each push."""
    here = on(root, url)
    for text in ("one\n", "two\n"):
        here.push(runs=True)
        change(root, text)
    latest = here.read_tag("latest")
    assert latest.files == here.read_index().files
    assert latest.merged == {tag for tag in here.registry.tags() if tag != "latest"}
    assert len(latest.merged) == 2


def test_a_cut_push_loses_nothing(root, clone, url, door, small_packs):
    """What was sent is not sent again; before the end nobody sees a half."""
    here = on(root, url.replace(door.behind, door.url))
    sent = []

    def cut(visit):
        if visit.command == "PUT" and "uploads" in visit.path:
            sent.append(visit.path)
            return len(sent) > 3
        return False

    door.rules.append(cut)
    with pytest.raises(StoreUnreachable, match=r"Nothing is lost\. Next: the same command again"):
        here.push()
    there = clone("b")
    assert on(there, url).pull().files == 0
    door.rules.clear()
    door.seen.clear()
    assert here.push() == 33
    again = [path for call, path, _ in door.seen if call == "PUT" and "uploads" in path]
    assert not {path[-64:] for path in again} & {path[-64:] for path in sent[:3]}
    assert on(there, url).pull().files == 33


def test_a_cut_pull_goes_on_where_it_ended(root, clone, url, door):
    """Within the run and in the next one; nothing half-written is in the cache."""
    on(root, url).push()
    here = on(clone("b"), url.replace(door.behind, door.url))
    sizes = iter([100_000, 50_000, 50_000, 50_000])

    def cut(visit):
        if "blobs" not in visit.path or visit.command != "GET":
            return False
        answer = urllib3.request("GET", door.behind + visit.path, headers=dict(visit.headers))
        if len(answer.data) < 40_000:
            return False
        visit.send_response(answer.status)
        visit.send_header("Content-Length", str(len(answer.data)))
        visit.end_headers()
        visit.wfile.write(answer.data[: next(sizes)])
        return True

    door.rules.append(cut)
    with pytest.raises(StoreUnreachable, match="Nothing is lost"):
        here.pull()
    parts = [name for name in cached(Path(here.repo.root_dir)) if "/store/" in name]
    assert len(parts) == 1
    door.rules.clear()
    assert here.pull().files > 0
    ranges = [headers["Range"] for *_, headers in door.seen if "Range" in headers]
    assert [begin for begin in ranges if begin != "bytes=0-"] == [
        f"bytes={n}-" for n in (100_000, 150_000, 200_000, 250_000)
    ]
    assert cached(Path(here.repo.root_dir)).keys() == {
        name for name in cached(root) if "/runs/" not in name
    }


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_registry_is_asked_again(root, url, door, status):
    """After the time that it names."""
    answers = [status] * 2

    def busy(visit):
        if answers:
            visit.rfile.read(int(visit.headers.get("Content-Length", 0)))
            visit.reply(answers.pop(), headers={"Retry-After": "0"})
            return True
        return False

    door.rules.append(busy)
    assert on(root, url.replace(door.behind, door.url)).push() == 33


def test_a_registry_that_is_down(root):
    """One sentence with the address and what to do."""
    with pytest.raises(StoreUnreachable, match=r"http://127\.0\.0\.1:9/a/store: .*Next: the same"):
        on(root, "http://user:secret@127.0.0.1:9/a/store").pull()


def test_other_content_is_refused(root, clone, url, door):
    """A registry that sends other bytes than the digest says: nothing enters the cache."""
    on(root, url).push()
    here = on(clone("b"), url.replace(door.behind, door.url))

    def lie(visit):
        if visit.command == "GET" and "blobs" in visit.path and len(door.seen) > 3:
            answer = urllib3.request("GET", door.behind + visit.path)
            visit.reply(200, bytes(len(answer.data)))
            return True
        return False

    door.rules.append(lie)
    pulled = here.pull()
    assert (pulled.files, len(pulled.lost), len(pulled.needed)) == (0, 33, 2)
    assert cached(Path(here.repo.root_dir)) == {}


@pytest.mark.parametrize("kind", ["files", "runs"])
def test_an_object_under_a_false_name_is_refused(root, clone, url, kind, monkeypatch):
    """Whoever pushed it: DVC would trust the name. All else arrives."""
    victim = next(p for p in sorted((root / ".dvc/cache" / kind).rglob("*")) if p.is_file())
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes() + b"\nx: 1\n")
    with pytest.raises(UsageError, match="is damaged"):
        on(root, url).push(runs=True)
    monkeypatch.setattr(objects, "verify", lambda path, file: True)
    on(root, url).push(runs=True)
    monkeypatch.undo()
    there = clone("b")
    pulled = on(there, url).pull()
    assert (pulled.files, len(pulled.lost), len(pulled.needed)) == (33, 1, kind == "files")
    assert str(victim.relative_to(root)) not in cached(there)


@pytest.mark.parametrize("path", ["../../evil", "files/md5/00/../../../../x", "/etc/passwd"])
def test_a_strange_name_is_refused(root, url, path):
    """Nothing is written outside the cache."""
    here = on(root, url)
    here.write_index("latest", index.Index())
    digest = here.registry.upload(io.BytesIO(), 0, lambda n: None)
    here.write_index("latest", index.Index({digest: [(path, 0)]}))
    with pytest.raises(UsageError, match="which DVC never writes"):
        here.pull()


def test_gc_counts_then_deletes(root, clone, url, git, small_packs):
    """What a branch, a tag or the work tree needs stays, and what was packed with it."""
    here = on(root, url)
    here.push(runs=True)
    git(root, "tag", "kept")
    change(root, "lost\n")
    here.push(runs=True)
    change(root, "new\n")
    git(root, "commit", "--all", "--quiet", "--message", "New")
    here.push(runs=True)
    assert here.gc(store.tips(root), delete=False) == 2  # an output and its run
    assert here.status().objects == 35
    assert here.gc(store.tips(root), delete=True) == 2
    assert here.gc(store.tips(root), delete=True) == 0
    fresh = clone("b")
    on(fresh, url).pull()
    with chdir(fresh), Repo() as repo:
        repo.checkout()
    lost = set(cached(root)) - set(cached(fresh))
    assert len(lost) == 2
    assert here.push(runs=True) == 2  # what was deleted can be stored again
    assert here.status().objects == 35


def test_gc_packs_anew(root, url, git):
    """A pack that was needed in part is replaced, without the cache of this machine."""
    here = on(root, url)
    here.push(runs=True)
    git(root, "rm", "--quiet", "data.dvc")
    git(root, "commit", "--quiet", "--message", "No data")
    (root / "data.dvc").unlink(missing_ok=True)
    shutil.rmtree(root / ".dvc/cache")
    here = on(root, url)
    head = [git(root, "rev-parse", "HEAD")]
    assert here.gc(head, delete=True) == 32
    assert (here.status().objects, here.status().runs) == (1, 1)
    assert here.pull().files == 0


def test_gc_refuses_a_shallow_clone(root, git, tmp_path):
    """It cannot know what the other commits need."""
    git(tmp_path, "clone", "--quiet", "--depth=1", root.as_uri(), "shallow")
    with pytest.raises(UsageError, match="git fetch --all --tags --unshallow"):
        store.tips(tmp_path / "shallow")


def test_gc_refuses_a_clone_without_what_others_pushed(root, git, tmp_path):
    """A branch or tag that it lacks needs objects, too."""
    git(tmp_path, "clone", "--quiet", root.as_uri(), "other")
    assert store.tips(tmp_path / "other") == store.tips(root)
    git(root, "commit", "--quiet", "--allow-empty", "--message", "More")
    git(root, "tag", "model@v9.0.0")
    with pytest.raises(UsageError, match=r"lacks .* \(2 branches or tags.*git fetch --all --tags"):
        store.tips(tmp_path / "other")
    git(tmp_path / "other", "remote", "set-url", "origin", "/nowhere")
    with pytest.raises(StoreUnreachable, match="git failed at origin"):
        store.tips(tmp_path / "other")


def login_by_environment(home, host, monkeypatch):
    monkeypatch.setenv("STORE_USERNAME", "ada")
    monkeypatch.setenv("STORE_PASSWORD", "secret word")


def login_by_file(home, host, monkeypatch):
    auth = base64.b64encode(b"ada:secret word").decode()
    (home / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def login_by_helper(home, host, monkeypatch):
    helper = home / "docker-credential-test"
    answer = json.dumps({"Username": "ada", "Secret": "secret word"})
    helper.write_text(f'#!/bin/sh\n[ "$(cat)" = "{host}" ] && echo \'{answer}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(home), prepend=os.pathsep)
    (home / "config.json").write_text(json.dumps({"credHelpers": {host: "test"}}))


def login_by_store(home, host, monkeypatch):
    login_by_helper(home, host, monkeypatch)
    (home / "config.json").write_text(json.dumps({"auths": {host: {}}, "credsStore": "test"}))


@pytest.mark.parametrize(
    "login",
    [login_by_environment, login_by_file, login_by_helper, login_by_store],
    ids=lambda login: login.__name__,
)
def test_login(root, clone, url, guard, login, tmp_path, monkeypatch):
    """A token is asked for with the person's own login."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    login(tmp_path, guard.url.removeprefix("http://"), monkeypatch)
    address = url.replace(guard.behind, guard.url)
    assert on(root, address).push() == 33
    guard.scopes.clear()
    assert on(clone("b"), address).pull().files == 33
    assert set(guard.scopes) == {"pull"}


def test_a_login_that_may_only_read(root, clone, url, guard, monkeypatch):
    """It pulls: no right is asked for that a request does not need. A push is refused."""
    monkeypatch.setenv("STORE_PASSWORD", "secret word")
    monkeypatch.setenv("STORE_USERNAME", "ada")
    address = url.replace(guard.behind, guard.url)
    on(root, address).push()
    monkeypatch.setenv("STORE_USERNAME", "bob")
    there = clone("b")
    assert on(there, address).pull().files == 33
    change(there, "new\n")
    with pytest.raises(StoreUnreachable, match=r"403.*your login may not do this"):
        on(there, address).push()


def test_no_login(root, url, guard, monkeypatch):
    """The message says what to do, and no secret."""
    monkeypatch.setenv("STORE_PASSWORD", "wrong pass")
    with pytest.raises(StoreUnreachable, match=r"403.*Next: docker login 127\.0\.0\.1") as error:
        on(root, url.replace(guard.behind, guard.url), has_versions=True).pull()
    assert "wrong" not in str(error.value)


def test_a_job_whose_token_is_refused(root, url, guard, monkeypatch):
    """As after its repository was deleted and made again: no login helps, a link does."""
    for name, value in {"SERVER_URL": guard.url, "ACTOR": "ada", "TOKEN": "wrong"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    with pytest.raises(StoreUnreachable, match=r"403.*Next: loop doctor on your machine"):
        on(root, url.replace(guard.behind, guard.url), has_versions=True).pull()


JOB = {"GITHUB_ACTOR": "ada", "GITHUB_TOKEN": "t"}
STORE = {"STORE_USERNAME": "s", "STORE_PASSWORD": "p", "STORE_URL": "https://a.org/x/store"}
IMAGE = {"IMAGE_USERNAME": "i", "IMAGE_PASSWORD": "q", "IMAGE_URL": "b.org/x"}
S3 = STORE | {"STORE_URL": "s3://bucket/store"}
GHES = JOB | {"GITHUB_SERVER_URL": "https://code.example.org"}


@pytest.mark.parametrize(
    ("host", "use", "env", "expected"),
    [
        ("ghcr.io", "STORE", JOB, ("ada", "t")),
        ("ghcr.io", "IMAGE", JOB, ("ada", "t")),
        ("a.org", "STORE", JOB, None),
        ("b.org", "IMAGE", JOB, None),
        ("ghcr.io.evil.org", "IMAGE", JOB, None),
        ("a.org", "STORE", JOB | STORE, ("s", "p")),
        ("a.org", "IMAGE", JOB | STORE, ("s", "p")),
        ("b.org", "IMAGE", JOB | STORE, None),
        ("ghcr.io", "IMAGE", JOB | STORE, ("ada", "t")),
        ("ghcr.io", "IMAGE", JOB | S3, ("ada", "t")),
        ("ghcr.io", "IMAGE", S3, None),
        ("b.org", "IMAGE", JOB | STORE | IMAGE, ("i", "q")),
        ("a.org", "STORE", JOB | IMAGE, None),
        ("ghcr.io", "STORE", JOB | IMAGE, ("ada", "t")),
        ("containers.code.example.org", "IMAGE", GHES, ("ada", "t")),
        ("ghcr.io", "IMAGE", GHES, None),
    ],
)
def test_a_login_belongs_to_a_host(host, use, env, expected, tmp_path):
    """The store's to the store's, the image's to the image's, the job's token to GitHub's."""
    assert login.credentials(host, use, env | {"DOCKER_CONFIG": str(tmp_path)}) == expected


def test_a_redirect_elsewhere_gets_no_token(
    root, clone, url, guard, server, monkeypatch, listening
):
    """As ghcr.io sends its blobs from another host."""
    login_by_environment(None, None, monkeypatch)
    on(root, url).push()
    with listening(Door(server)) as other:

        def away(visit):
            if visit.command != "GET" or "blobs" not in visit.path:
                return False
            visit.reply(307, headers={"Location": other.url + visit.path})
            return True

        guard.rules.append(away)
        assert on(clone("b"), url.replace(guard.behind, guard.url)).pull().files == 33
    assert len(other.seen) >= 2
    assert not any("Authorization" in headers for *_, headers in other.seen)


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://github.com/Ada/Flights.git", "https://ghcr.io/ada/flights/store"),
        ("git@github.com:Ada/Flights.git", "https://ghcr.io/ada/flights/store"),
        ("ssh://git@github.com/ada/my.flights", "https://ghcr.io/ada/my.flights/store"),
    ],
)
def test_the_address_comes_from_origin(root, git, origin, address):
    """In lower case, as registries want it."""
    git(root, "remote", "add", "origin", origin)
    with Repo(str(root)) as repo:
        assert store.choose(repo).address == address


@pytest.mark.parametrize(
    "address",
    ["http://example.org/a/store", "ftp://127.0.0.1/a", "https://ghcr.io", "https://a.b/A/store"],
)
def test_no_address_of_a_store(address):
    """Plain http is for this machine only."""
    with pytest.raises(UsageError, match="no address in a registry"):
        oci.ContainerRegistry(address)


def test_no_store_is_known(root):
    """Neither remote, nor address, nor origin."""
    with Repo(str(root)) as repo, pytest.raises(UsageError, match="Next: git remote add origin"):
        store.choose(repo)


@pytest.mark.parametrize("kind", ["remote", "artifact"])
def test_the_same_commands_for_every_store(remote, clone, call, kind, url, git, monkeypatch):
    """Push with runs, pull elsewhere, count, delete."""
    if kind == "artifact":
        monkeypatch.setenv("STORE_URL", url)
    assert "is empty: a cold start" in call(remote, "pull")
    assert "holds 33 objects" in call(remote, "push", "--runs")
    there = clone("b")
    assert "To pull: 3" in call(there, "status")
    assert "holds 33 objects" in call(there, "pull")
    assert not (there / "out.txt").exists()
    call(there, "pull", "--checkout")
    assert (there / "out.txt").exists()
    (there / "dvc.lock").unlink()
    with chdir(there), Repo() as repo:
        repo.reproduce()
    assert not (there / "count.txt").exists()
    change(there, "new\n")
    assert "holds 34 objects" in call(there, "push")
    git(there, "checkout", "--quiet", "--force", "HEAD")
    assert "Not needed (see --delete): 1. " in call(there, "gc")
    assert json.loads(call(there, "status", "--json"))["objects"] == 34
    assert "Deleted: 1. " in call(there, "gc", "--delete")
    assert json.loads(call(there, "status", "--json"))["objects"] == 33


def test_a_file_that_a_remote_lost_is_pushed_again(remote, clone, call, tmp_path):
    """One of a folder, whose list the remote still has."""
    call(remote, "push", "--runs")
    files = [path for path in (tmp_path / "box/files").rglob("*") if path.is_file()]
    (lost,) = [path for path in files if path.read_bytes() == b"row 7\n"]
    lost.unlink()
    assert "to push: 1" in call(remote, "status")
    assert "Pushed: 1" in call(remote, "push")
    assert "to push: 0" in call(remote, "status")
    assert "holds 33 objects" in call(clone("b"), "pull")


def test_a_push_that_a_remote_did_not_keep_fails(remote, monkeypatch):
    """What is there is compared with what is needed."""
    monkeypatch.setattr("mlops_loop.storage.remote.copy", lambda *args: None)
    refused = pytest.raises(StoreUnreachable, match="33 of 33 files are not in the store")
    with store.open_store(remote) as opened, refused:
        opened.push()


def test_a_folder_serves_no_runner_that_lacks_it(remote, tmp_path, monkeypatch):
    """A job says so at once; a laptop, and a runner that has the folder, use it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    match = r"the folder .*/box, and this runner has no such folder.*variable STORE_URL"
    with pytest.raises(UsageError, match=match), store.open_store(remote):
        pass
    monkeypatch.delenv("GITHUB_ACTIONS")
    with store.open_store(remote) as opened:
        opened.push()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with store.open_store(remote) as opened:
        assert opened.status().objects


def test_a_remote_that_fails_is_unreachable(remote, monkeypatch):
    """Whatever its library raises."""
    monkeypatch.setattr(store.RemoteStore, "remote_files", lambda self: 1 / 0)
    refused = pytest.raises(StoreUnreachable, match=r"division by zero.*Next: the same")
    with refused, store.open_store(remote) as opened:
        opened.pull()


def test_a_missing_object_is_reported(root, call, url, monkeypatch):
    """A pull that could not bring all never looks complete."""
    monkeypatch.setenv("STORE_URL", url)
    call(root, "push")
    change(root, "new\n")
    shutil.rmtree(root / ".dvc/cache")
    assert "1 objects of this commit are missing, here and there. Next: dvc repro" in call(
        root, "pull"
    )
