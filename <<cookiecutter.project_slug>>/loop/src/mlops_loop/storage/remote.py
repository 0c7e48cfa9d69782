"""A remote of DVC as store: a bucket, a host, a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dvc.config import Config
from dvc.repo import lock_repo
from dvc_data.hashfile.db import get_index
from dvc_data.hashfile.gc import gc as remove_unused
from dvc_objects.fs.local import LocalFileSystem

from mlops_loop.errors import StoreUnreachable
from mlops_loop.storage.objects import RUN, Store, object_path

# How DVC calls user and password for each kind of remote.
LOGIN = {"s3": ("access_key_id", "secret_access_key"), "ssh": ("user", "password")}


class RemoteStore(Store):
    """The remote that STORE_URL or .dvc/config names, through DVC itself."""

    def remote_files(self) -> set[str]:
        """Objects and cached stage results in the store."""
        odb = self.repo.cloud.get_remote_odb(None, "store", hash_name="md5")
        root = odb.path.removesuffix("files/md5")
        objects = map(object_path, odb.all()) if odb.fs.exists(odb.path) else ()
        runs = odb.fs.find(f"{root}runs") if odb.fs.exists(f"{root}runs") else ()
        return {*objects, *filter(RUN.fullmatch, (run.removeprefix(root) for run in runs))}

    def pull(self) -> int:
        """Download what the cache lacks; the number of files."""
        return self.repo.fetch(run_cache=True) if self.remote_files() else 0

    def push(self, runs: bool = False) -> int:
        """Store what this commit needs, with `runs` cached stage results too; the number of new."""
        before = self.remote_files()
        self.repo.push(run_cache=runs)
        needed, after = self.cached_files() & self.needed_objects(), self.remote_files()
        if missing := needed - after:
            self._push_each(missing)
            after = self.remote_files()
        if missing := needed - after:
            raise StoreUnreachable(
                f"{len(missing)} objects that were pushed are not in {self.address}, as "
                f"{min(missing)}. They are still here. Next: the same command again"
            )
        return len(after - before)

    def _push_each(self, paths: Iterable[str]) -> None:
        """Store objects one by one.

        DVC asks for no file of a folder whose list the remote has (treeverse/dvc#11011), so one
        that the remote has lost would be missing for ever.
        """
        odb, fs = self.repo.cloud.get_remote_odb(None, "store", hash_name="md5"), LocalFileSystem()
        for path in sorted(paths):
            oid = path.removeprefix("files/md5/").replace("/", "")
            odb.add(str(self.cache / path), fs, oid)

    def gc(self, revs: list[str], delete: bool) -> int:
        """Count, or delete, the objects that neither work tree nor `revs` need."""
        with lock_repo(self.repo):
            odb = self.repo.cloud.get_remote_odb(None, "store", hash_name="md5")
            used = set().union(*self.repo.used_objs(revs=revs).values())
            count = remove_unused(odb, used, dry=not delete) if self.remote_files() else 0
            get_index(odb).clear()
        return count


def scheme(url: str) -> str:
    """The part of a URL before ://, which names the kind of a remote; a path is its own."""
    return url.partition("://")[0]


def dvc_settings(root: Path) -> dict[str, Any]:
    """What the environment adds to DVC's own settings: STORE_URL, STORE_USERNAME, STORE_PASSWORD.

    A workflow without secrets of these names passes GitHub's own login, which nobody else gets.
    """
    config, url = Config(str(root / ".dvc")), os.environ.get("STORE_URL", "")
    name = config["core"].get("remote", "store")
    remote = {"url": url} if scheme(url) in LOGIN else config["remote"].get(name, {})
    login = [os.environ.get(key, "") for key in ("STORE_USERNAME", "STORE_PASSWORD")]
    if remote and all(login) and login[0] != os.environ.get("GITHUB_ACTOR"):
        keys = LOGIN.get(scheme(remote["url"]), ())
        remote = remote | dict(zip(keys, login, strict=False))
    return {"remote": name, "remote_config": remote} if remote else {}
