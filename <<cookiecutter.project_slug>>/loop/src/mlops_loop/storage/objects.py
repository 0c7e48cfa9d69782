"""The objects of DVC: their names, their content, and those that a commit needs."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.logger import set_loggers_level
from dvc.repo import Repo
from dvc.utils import dict_sha256
from dvc.utils.serialize import load_yaml

from mlops_loop.text import public_url

OBJECT = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?")
RUN = re.compile(r"runs/(?P<run>[0-9a-f]{2})/(?P=run)[0-9a-f]{62}/[0-9a-f]{64}")
NAME = re.compile(f"{OBJECT.pattern}|{RUN.pattern}")


def object_path(oid: str) -> str:
    """The path of an object in DVC's cache, by its MD5."""
    return f"files/md5/{oid[:2]}/{oid[2:]}"


def verify(path: str, file: Path) -> bool:
    """Whether the content of `file` is what DVC's name for it, `path`, says."""
    if match := OBJECT.fullmatch(path):
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest() == match[1] + match[2]
    try:
        return dict_sha256(load_yaml(file), exclude=["size", "nfiles"]) == path.split("/")[-1]
    except (DvcException, ValueError, TypeError, AttributeError):
        return False


@dataclass(frozen=True)
class Status:
    """Counts of files: `runs` are cached stage results; `missing` neither store nor machine has."""

    store: str
    objects: int
    runs: int
    to_pull: int
    to_push: int
    missing: int


class Store:
    """What both kinds of store share; paths are those in DVC's cache."""

    def __init__(self, repo: Repo, address: str):
        self.repo, self.address = repo, public_url(address)
        self.cache = Path(repo.cache.legacy.path)

    def remote_files(self) -> set[str]:
        """Objects and cached stage results in the store."""
        raise NotImplementedError

    def cached_files(self) -> set[str]:
        """Objects and cached stage results on this machine."""
        paths = (file.relative_to(self.cache).as_posix() for file in self.cache.rglob("*"))
        return set(filter(NAME.fullmatch, paths))

    def needed_objects(self, revs: list[str] | None = None) -> set[str]:
        """Objects that the work tree needs, and with `revs` those of these commits too."""
        with set_loggers_level(logging.ERROR):  # no warning about a stage that never ran
            groups = self.repo.used_objs(revs=revs, force=revs is None).values()
        return {object_path(item.value) for group in groups for item in group if item.value}

    def status(self) -> Status:
        """Compare store, machine and the objects that this commit needs."""
        remote, cached, needed = self.remote_files(), self.cached_files(), self.needed_objects()
        runs = set(filter(RUN.fullmatch, remote))
        return Status(
            store=self.address,
            objects=len(remote - runs),
            runs=len(runs),
            to_pull=len(remote - cached),
            to_push=len(needed & cached - remote),
            missing=len(needed - cached - remote),
        )
