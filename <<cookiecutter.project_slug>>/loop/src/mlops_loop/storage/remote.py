"""Objects of DVC and their names; a remote of DVC as store: a bucket, a host, a folder."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from pathlib import Path
from typing import Any

from dvc.config import Config
from dvc.exceptions import DvcException
from dvc.logger import set_loggers_level
from dvc.repo import Repo, lock_repo
from dvc.utils import dict_sha256
from dvc.utils.serialize import load_yaml
from dvc_data.hashfile.db import get_index
from dvc_data.hashfile.gc import gc as remove_unused

from mlops_loop.text import public_url

OBJECT = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?")
RUN = re.compile(r"runs/(?P<run>[0-9a-f]{2})/(?P=run)[0-9a-f]{62}/[0-9a-f]{64}")
NAME = re.compile(f"{OBJECT.pattern}|{RUN.pattern}")
# How DVC calls user and password for each kind of remote.
LOGIN = {"s3": ("access_key_id", "secret_access_key"), "ssh": ("user", "password")}


def object_path(oid: str) -> str:
    return f"files/md5/{oid[:2]}/{oid[2:]}"


def verify(path: str, file: Path) -> bool:
    """Whether the content is what DVC's name for it says."""
    if found := OBJECT.fullmatch(path):
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest() == found[1] + found[2]
    try:
        return dict_sha256(load_yaml(file), exclude=["size", "nfiles"]) == path.split("/")[-1]
    except (DvcException, ValueError, TypeError, AttributeError):
        return False


class Store:
    """What both kinds have; their `there()` gives paths as `here()` does: as in DVC's cache."""

    def __init__(self, repo: Repo, address: str):
        self.repo, self.address = repo, public_url(address)
        self.cache = Path(repo.cache.legacy.path)

    def here(self) -> set[str]:
        found = (file.relative_to(self.cache).as_posix() for file in self.cache.rglob("*"))
        return set(filter(NAME.fullmatch, found))

    def used(self, revs: list[str] | None = None) -> set[str]:
        """Objects that the work tree needs, and those of `revs` too."""
        with set_loggers_level(logging.ERROR):  # a stage that never ran is no news
            found = self.repo.used_objs(revs=revs, force=revs is None).values()
        return {object_path(item.value) for group in found for item in group if item.value}

    def status(self) -> dict[str, Any]:
        """Counts; `missing` are objects of this commit that are neither here nor there."""
        there, here, need = self.there(), self.here(), self.used()
        runs = set(filter(RUN.fullmatch, there))
        return {
            "store": self.address,
            "objects": len(there - runs),
            "runs": len(runs),
            "to_pull": len(there - here),
            "to_push": len(need & here - there),
            "missing": len(need - here - there),
        }


class RemoteStore(Store):
    """The remote that STORE_URL or .dvc/config names, through DVC itself."""

    def there(self) -> set[str]:
        odb = self.repo.cloud.get_remote_odb(None, "store", hash_name="md5")
        root = odb.path.removesuffix("files/md5")
        objects = map(object_path, odb.all()) if odb.fs.exists(odb.path) else ()
        runs = odb.fs.find(f"{root}runs") if odb.fs.exists(f"{root}runs") else ()
        return {*objects, *filter(RUN.fullmatch, (run.removeprefix(root) for run in runs))}

    def pull(self) -> int:
        return self.repo.fetch(run_cache=True) if self.there() else 0

    def push(self, runs: bool = False) -> int:
        before = self.there()
        self.repo.push(run_cache=runs)
        return len(self.there() - before)

    def gc(self, revs: list[str], delete: bool) -> int:
        with lock_repo(self.repo):
            odb = self.repo.cloud.get_remote_odb(None, "store", hash_name="md5")
            used = set().union(*self.repo.used_objs(revs=revs).values())
            count = remove_unused(odb, used, dry=not delete) if self.there() else 0
            get_index(odb).clear()
        return count


def kind(url: str) -> str:
    return url.partition("://")[0]


def settings(root: Path) -> dict[str, Any]:
    """What the environment adds to DVC's own settings: STORE_URL, STORE_USERNAME, STORE_PASSWORD.

    A workflow without variables of these names gives GitHub's own login, which no one else gets.
    """
    config, url = Config(str(root / ".dvc")), os.environ.get("STORE_URL", "")
    name = config["core"].get("remote", "store")
    found = {"url": url} if kind(url) in LOGIN else config["remote"].get(name, {})
    login = [os.environ.get(key, "") for key in ("STORE_USERNAME", "STORE_PASSWORD")]
    if found and all(login) and login[0] != os.environ.get("GITHUB_ACTOR"):
        found = found | dict(zip(LOGIN.get(kind(found["url"]), ()), login, strict=False))
    return {"remote": name, "remote_config": found} if found else {}
