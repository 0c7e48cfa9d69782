"""A remote of DVC as store: a bucket, a host, a folder."""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dvc.config import Config
from dvc.exceptions import DownloadError
from dvc.fs import localfs
from dvc.repo import lock_repo
from dvc_data.hashfile.db import get_index
from dvc_data.hashfile.gc import gc as remove_unused
from dvc_objects.fs.generic import copy
from tqdm import tqdm

from mlops_loop.storage import remote_kinds
from mlops_loop.storage.objects import (
    NAME,
    RUN,
    Pulled,
    Store,
    Verified,
    check_cached,
    object_path,
    verify,
)  # fmt: skip

log = logging.getLogger(__name__)
READERS = 8  # files that are verified at once
# It logs a refused login with a traceback, twice, and raises it too.
logging.getLogger("aiobotocore.credentials").setLevel(logging.ERROR)


class RemoteStore(Store):
    """The remote that STORE_URL or .dvc/config names, through DVC itself."""

    _checked = False  # whether what holds the store is there

    def _stored(self) -> set[str]:
        odb, root = self._odb(), self._root()
        objects = map(object_path, odb.all()) if remote_kinds.exists(odb.fs, odb.path) else ()
        runs = odb.fs.find(f"{root}runs") if remote_kinds.exists(odb.fs, f"{root}runs") else ()
        paths = {*objects, *(run.removeprefix(root) for run in runs)}
        return set(filter(NAME.fullmatch, paths))

    def _odb(self) -> Any:
        odb = self.repo.cloud.get_remote_odb(None, "store", hash_name="md5")
        if not self._checked:
            remote_kinds.check(lambda: odb.fs.fs, odb.path.removesuffix("files/md5"), self.address)
            self._checked = True
        return odb

    def _root(self) -> str:
        return self._odb().path.removesuffix("files/md5")

    def beside(self, name: str) -> tuple[Any, str]:
        """The file system, and the path in it of a folder beside DVC's objects."""
        return self._odb().fs, f"{self._root()}{name}"

    def pull(self) -> Pulled:
        """Download what this commit needs and the cache lacks, each file verified."""
        before = self.cached_files()
        if not self.remote_files():
            return Pulled(0)
        try:
            self.repo.fetch(run_cache=True)
        except DownloadError:
            if not (missing := self.needed_objects() - self.cached_files()):
                raise
            log.warning("%d objects are not in %s", len(missing), self.address)
        new = self.cached_files() - before
        wrong = {p for p in new | _runs(before) if not verify(p, self.cache / p)}
        for path in wrong:
            (self.cache / path).unlink()
        return self._pulled(len(new - wrong), wrong)

    def push(self, runs: bool = False) -> int:
        """Store what this commit needs, with `runs` cached stage results too; the number of new.

        File by file: DVC itself takes a folder for complete whose listing is there. Raises
        StoreUnreachable unless the store has all of it in the end.
        """
        with lock_repo(self.repo):
            required = self._required(runs)
            new = sorted(required - self._stored())
            check_cached(self.cache, new)
            odb, root = self._odb(), self._root()
            for folder in sorted({f"{root}{path}".rpartition("/")[0] for path in new}):
                odb.fs.makedirs(folder, exist_ok=True)
            self._upload(odb.fs, [(str(self.cache / path), f"{root}{path}") for path in new])
            self._compare(required, self._stored())
        return len(new)

    def _upload(self, fs: Any, files: list[tuple[str, str]]) -> None:
        """Copy files; on a host, each under another name until it is whole."""
        suffix = "" if self._is_atomic() else f".{uuid.uuid4().hex}"
        parts = [f"{name}{suffix}" for _, name in files]
        copy(localfs, [here for here, _ in files], fs, parts)
        if suffix:
            for part, (_, name) in zip(parts, files, strict=True):
                _rename(fs, part, name)

    def _is_atomic(self) -> bool:
        """Whether a file has its name only once it is whole: in a bucket, or a folder by DVC."""
        return "://" not in self.address or remote_kinds.kind_of(self.address).bucket

    def verify(self) -> Verified:
        """Read everything in the store; move what is damaged aside, so that a push mends it."""
        stored = sorted(self.remote_files())
        with ThreadPoolExecutor(READERS) as pool:
            sound = list(tqdm(pool.map(self._is_sound, stored), "verify", len(stored)))
        damaged = [path for path, is_sound in zip(stored, sound, strict=True) if not is_sound]
        return Verified(len(stored), frozenset(damaged), all(map(self._set_aside, damaged)))

    def _is_sound(self, path: str) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file"
            try:
                self._odb().fs.get_file(f"{self._root()}{path}", str(file))
            except FileNotFoundError:
                return False
            return verify(path, file)

    def _set_aside(self, path: str) -> bool:
        """False where the login may not do that."""
        fs, root = self._odb().fs, self._root()
        aside = f"{root}damaged/{path}"
        try:
            fs.makedirs(aside.rpartition("/")[0], exist_ok=True)
            fs.move(f"{root}{path}", aside)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        get_index(self._odb()).clear()
        return True

    def gc(self, revs: list[str], delete: bool) -> int:
        """Count, or delete, the objects that neither work tree nor `revs` need."""
        with lock_repo(self.repo):
            odb = self._odb()
            used = set().union(*self.used(revs).values())
            count = remove_unused(odb, used, dry=not delete) if self.remote_files() else 0
            get_index(odb).clear()
        return count


def _rename(fs: Any, part: str, name: str) -> None:
    """Give a file its name, unless another push was faster."""
    try:
        fs.move(part, name)
    except OSError:
        if not fs.exists(name):
            raise
        fs.remove(part)


def _runs(paths: set[str]) -> set[str]:
    return set(filter(RUN.fullmatch, paths))


def dvc_settings(root: Path) -> dict[str, Any]:
    """What the environment adds to DVC's own settings: STORE_URL, and a login.

    Raises UsageError for a login that the kind of remote does not take.
    """
    config, url = Config(str(root / ".dvc")), os.environ.get("STORE_URL", "")
    name = config["core"].get("remote", "store")
    is_remote = remote_kinds.scheme(url) in remote_kinds.KINDS
    remote = {"url": url} if is_remote else config["remote"].get(name, {})
    return {"remote": name, "remote_config": remote_kinds.with_login(remote)} if remote else {}
