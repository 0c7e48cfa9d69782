"""`store gc --delete` frees the registry's disk, measured before and after its own collection."""

from __future__ import annotations

import io
import json
import os
import subprocess
from contextlib import chdir, suppress

import pytest
from dvc.repo import Repo
from servers import registry
from stores import cached, on

from mlops_loop.errors import StoreUnreachable
from mlops_loop.storage import store
from mlops_loop.storage.oci import MANIFEST, ContainerRegistry

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")
LARGE, PUSHES = 2_000_000, 5  # bytes of one file, and how often it changes


def size(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def collect(folder, *flags):
    """The registry's own garbage collection."""
    call = ["docker-registry", "garbage-collect", *flags, folder / "config.yml"]
    subprocess.run(call, check=True, capture_output=True)


def replace_large(root, git, n):
    """Another content for the large file, committed."""
    (root / "data/large.bin").write_bytes(os.urandom(LARGE))
    with chdir(root), Repo() as repo:
        repo.add("data")
    git(root, "commit", "--all", "--quiet", "--message", f"Data {n}")


def put_image(url):
    """An image of two parts, as BuildKit pushes: its parts have no tag."""
    image = ContainerRegistry(url)
    data = os.urandom(1000)
    digest = image.upload(io.BytesIO(data), len(data), int)
    layer = {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}
    part = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layer, "layers": [layer]}
    content = json.dumps(part, sort_keys=True).encode()
    name = image.put_manifest("part", part)
    listed = {"mediaType": MANIFEST, "digest": name, "size": len(content)}
    kind = MANIFEST.replace("manifest", "index")
    whole = {"schemaVersion": 2, "mediaType": kind, "manifests": [listed]}
    image.write("production", kind, json.dumps(whole).encode())
    other = part | {"annotations": {"a": "b"}}
    image.put_manifest("part", other)
    return image, name


@pytest.mark.parametrize("deletes", [True, False], ids=["deletes", "deletes nothing"])
def test_the_disk_is_freed(root, clone, git, tmp_path, deletes):
    """A file of 2 MB changed five times: one is left. An image in the same registry stays whole."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with registry(disk, deletes) as server:
        url = f"{server}/a/store"
        image, part = put_image(f"{server}/a/image")
        here = on(root, url)
        for n in range(PUSHES):
            replace_large(root, git, n)
            here.push(runs=True)
        full = size(disk)
        assert full > PUSHES * LARGE
        old = here.gc([git(root, "rev-parse", "HEAD")], delete=True)
        assert old == 2 * PUSHES  # each time the file, and the listing of its folder
    collect(disk, *([] if deletes else ["--delete-untagged"]))
    assert size(disk) < 1.2 * LARGE
    with registry(disk, deletes) as server:
        url = f"{server}/a/store"
        image = ContainerRegistry(f"{server}/a/image")
        assert image.read(part) or not deletes  # the other kind of collection takes it: runbook.md
        there = on(clone("b"), url)
        assert there.pull().files == 34
        with chdir(tmp_path / "b"), Repo() as repo:
            repo.checkout()
        assert cached(tmp_path / "b").keys() <= cached(root).keys()
        assert there.gc([git(root, "rev-parse", "HEAD")], delete=True) == 0
        replace_large(root, git, "new")
        assert on(root, url).push() == 2
        assert on(clone("c"), url).pull().files == 36


@pytest.mark.parametrize("deletes", [True, False], ids=["deletes", "deletes nothing"])
@pytest.mark.parametrize("killed_at", range(1, 12, 2))
def test_a_killed_collection_loses_nothing(root, clone, git, tmp_path, deletes, killed_at):
    """Whichever write was its last: all that is needed is there, and the next one ends it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with registry(disk, deletes) as server:
        here = on(root, f"{server}/a/store")
        for n in range(3):
            replace_large(root, git, n)
            here.push(runs=True)
        head = [git(root, "rev-parse", "HEAD")]
        ask, writes = here.registry._http.request, []

        def request(method, url, **call):
            if method not in ("GET", "HEAD"):
                writes.append(url)
                if len(writes) >= killed_at:
                    raise KeyboardInterrupt
            return ask(method, url, **call)

        here.registry._http.request = request
        with suppress(KeyboardInterrupt):
            here.gc(head, delete=True)
        collect(disk)
        there = on(clone("b"), f"{server}/a/store")
        assert there.pull().files >= 34
        assert there.status().missing == 0
        there.gc(head, delete=True)
        assert there.remote_files() == on(clone("c"), f"{server}/a/store").remote_files()
        assert len(there.remote_files()) == 34


def test_it_does_not_count_on_a_listing_that_is_damaged(root, clone, git, url, door):
    """What a lost listing names could not be told from what nobody needs."""
    on(root, url).push(runs=True)
    here = on(clone("b"), url.replace(door.behind, door.url))
    packs = here.read_index().packs
    (lost,) = (d for d, pack in packs.items() if any(p.endswith(".dir") for p, _ in pack))
    door.rules.append(lambda visit: lost in visit.path and (visit.reply(404) or True))
    with pytest.raises(StoreUnreachable, match="Nothing was deleted"):
        here.gc(store.tips(root), delete=True)
    door.rules.clear()
    assert len(here.remote_files()) == 34
