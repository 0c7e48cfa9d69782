"""The objects of DVC: their names, their content, and those that a commit needs."""

from __future__ import annotations

import hashlib
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.logger import set_loggers_level
from dvc.repo import Repo
from dvc.utils import dict_sha256
from dvc.utils.serialize import load_yaml
from dvc_objects.errors import ObjectFormatError

from mlops_loop.errors import StoreUnreachable, UsageError
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


def check_cached(cache: Path, paths: Iterable[str]) -> None:
    """Raise UsageError unless each of these files in the cache is what its name says."""
    for path in paths:
        if not verify(path, cache / path):
            raise UsageError(f"{cache / path} is damaged. Next: delete it, then dvc repro")


def take(cache: Path, path: str, file: Path) -> bool:
    """Move a file into the cache under its name, if its content is what the name says."""
    if not verify(path, file):
        return False
    file.chmod(0o444 if OBJECT.fullmatch(path) else 0o644)  # read-only: DVC trusts it
    (cache / path).parent.mkdir(parents=True, exist_ok=True)
    file.replace(cache / path)
    return True


@dataclass(frozen=True)
class Status:
    """Counts of files: `runs` are cached stage results; `missing` neither store nor machine has."""

    store: str
    objects: int
    runs: int
    to_pull: int
    to_push: int
    missing: int


Has = Callable[[], bool]


def always() -> bool:
    """An empty store is never right."""
    return True


@dataclass(frozen=True)
class Pulled:
    """files: how many came. lost: paths that the store should have, and that are missing or
    damaged there; `needed` are those of them that this commit needs.
    """

    files: int
    lost: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verified:
    """What a look at all content found.

    files: how many are in the store. damaged: paths of those that are missing or have other
    content than their name says. noted: whether the store was told, so that a push mends it.
    """

    files: int
    damaged: frozenset[str] = frozenset()
    noted: bool = True


class Store(ABC):
    """What both kinds of store share; paths are those in DVC's cache.

    has_versions: whether a version was registered; an empty or absent store is a cold start as long
    as there is none, and unreachable afterwards. It is asked only then.
    """

    def __init__(self, repo: Repo, address: str, has_versions: Has = always):
        self.repo, self.address, self.has_versions = repo, public_url(address), has_versions
        self.cache = Path(repo.cache.legacy.path)

    def remote_files(self) -> set[str]:
        """Objects and cached stage results in the store.

        Raises StoreUnreachable where it is empty and may not be.
        """
        return self._expected(self._stored())

    @abstractmethod
    def _stored(self) -> set[str]:
        """Those that the store holds, none where there is no store."""

    def _expected(self, stored: set[str]) -> set[str]:
        if not stored and self.has_versions():
            raise StoreUnreachable(
                f"The store {self.address} is empty, and there are versions, so it should not be. "
                "Next: see STORE_URL; a new store is begun by loop store push"
            )
        return stored

    def _required(self, runs: bool) -> set[str]:
        """The cached files that a push has to leave in the store."""
        cached = self.cached_files()
        return cached if runs else cached & self.needed_objects()

    def _compare(self, required: set[str], stored: set[str]) -> None:
        """Raise StoreUnreachable where a push has not stored all that it had to."""
        if lost := required - stored:
            raise StoreUnreachable(
                f"{len(lost)} of {len(required)} files are not in the store {self.address} after "
                f"the push, as {min(lost)}. Next: loop store push"
            )

    def _pulled(self, files: int, lost: set[str]) -> Pulled:
        needed = lost & self.needed_objects() if lost else set()
        return Pulled(files, frozenset(lost), frozenset(needed))

    def cached_files(self) -> set[str]:
        """Objects and cached stage results on this machine."""
        paths = (file.relative_to(self.cache).as_posix() for file in self.cache.rglob("*"))
        return set(filter(NAME.fullmatch, paths))

    def needed_objects(self, revs: list[str] | None = None) -> set[str]:
        """Objects that the work tree needs, and with `revs` those of these commits too.

        Of a folder whose listing is lost, that listing. Raises UsageError where one is damaged.
        """
        used = {item.value for group in self.used(revs).values() for item in group}
        return {object_path(oid) for oid in used | self._outputs() if oid}

    def used(self, revs: list[str] | None) -> dict[Any, set[Any]]:
        """What DVC says that work tree and `revs` need, by where it is stored.

        Raises UsageError for the listing of a folder that is damaged in the cache.
        """
        try:
            with set_loggers_level(logging.ERROR):  # no warning about a stage that never ran
                return self.repo.used_objs(revs=revs, force=revs is None)
        except ObjectFormatError as error:  # DVC may have deleted it by now
            raise UsageError(
                f"The list of a folder's files in {self.cache} is damaged ({error}). "
                "Next: delete it if it is still there, then dvc repro"
            ) from error

    def _outputs(self) -> set[str]:
        """Those that the work tree names itself: DVC leaves out a folder that it cannot list."""
        own = (out for out in self.repo.index.outs if out.use_cache and out.hash_name == "md5")
        return {out.hash_info.value for out in own if out.hash_info}

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
