"""Where the objects of DVC live: one artifact in a container registry, or a remote of DVC.

The artifact's layers are packs: a large file, or small ones one after another. Its config is the
index: which files, of which size, are in which pack. A push first writes a manifest of its own
(tag `add-...`) and then folds all such manifests into `latest`. A registry cannot compare and swap,
so two pushes may overwrite each other's `latest`; whoever reads also reads each `add-` tag that
`latest` does not name as merged, and nothing is lost.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.utils import dict_sha256
from dvc.utils.serialize import load_yaml
from dvc_data.hashfile.db import get_index
from dvc_data.hashfile.gc import gc as remove_unused
from tqdm import tqdm

from ..errors import COMMAND, ProjectError, StoreUnreachable, UsageError
from ..params import public
from . import git
from .oci import MANIFEST, Registry, sha256

PACK = 8 << 20  # bytes; larger files travel alone
OBJECT = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?")
RUN = re.compile(r"runs/([0-9a-f]{2})/\1[0-9a-f]{62}/[0-9a-f]{64}")
TYPE = "application/vnd.dvc.cache"
Pack = list[tuple[str, int]]  # path in the cache and size in bytes, in the order of the content


@dataclass(frozen=True)
class Status:
    """Numbers of objects; `to_push` counts those of this commit that only this machine has."""

    address: str
    objects: int
    runs: int | None  # None: a remote of DVC does not tell
    to_pull: int
    to_push: int
    missing: int  # objects of this commit that are neither here nor there


@dataclass
class Index:
    """What is stored, by digest of the pack."""

    packs: dict[str, Pack] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)

    @property
    def files(self) -> set[str]:
        return {path for pack in self.packs.values() for path, _ in pack}


def verify(path: str, file: Path) -> bool:
    """Whether the content is what DVC's name for it says."""
    if found := OBJECT.fullmatch(path):
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest() == found[1] + found[2]
    try:
        return dict_sha256(load_yaml(file), exclude=["size", "nfiles"]) == path.split("/")[-1]
    except (DvcException, ValueError, TypeError, AttributeError):
        return False


def _path(oid: str) -> str:
    return f"files/md5/{oid[:2]}/{oid[2:]}"


def used(repo: Repo, revs: list[str] | None = None) -> set[str]:
    """Hashes that the work tree needs, and those of `revs` too."""
    found = repo.used_objs(revs=revs, force=revs is None).values()
    return {item.value for group in found for item in group if item.value}


class ArtifactStore:
    """DVC's cache of files and of runs, as one artifact of a registry."""

    def __init__(self, repo: Repo, url: str, source: str = ""):
        self.repo, self.registry, self.address = repo, Registry(url), public(url)
        self.cache = Path(repo.cache.legacy.path)
        self._notes = {"org.opencontainers.image.source": source} if source else {}

    def status(self) -> Status:
        there, here, need = self._read().files, set(self._local()), set(map(_path, used(self.repo)))
        runs = {path for path in there if RUN.fullmatch(path)}
        return Status(
            address=self.address,
            objects=len(there - runs),
            runs=len(runs),
            to_pull=len(there - here),
            to_push=len(need & here - there),
            missing=len(need - here - there),
        )

    def pull(self, wanted: Callable[[str], bool] = lambda path: True) -> int:
        """Bring what is not here into the cache, each file verified; how many files came."""
        with lock_repo(self.repo):
            index = self._read()
            todo = {
                digest: new
                for digest, pack in sorted(index.packs.items(), key=lambda item: item[1])
                if (new := {p for p, _ in pack if wanted(p) and not (self.cache / p).exists()})
            }
            total = sum(size for digest in todo for _, size in index.packs[digest])
            with _bar("pull", total) as bar:
                for digest, new in todo.items():
                    self._bring(digest, index.packs[digest], new, bar)
        return sum(map(len, todo.values()))

    def push(self, runs: bool = False) -> int:
        """Store what this commit needs, with `runs` the whole cache; how many files are new."""
        with lock_repo(self.repo):
            need = self._local() if runs else map(_path, used(self.repo))
            here = {path for path in need if (self.cache / path).exists()}
            new = here - self._read().files
            if new:
                self._write(f"add-{uuid.uuid4().hex}", Index(self._upload(new)))
            self._fold()
        return len(new)

    def gc(self, revs: list[str], delete: bool) -> int:
        """Count the files that no work tree of `revs` needs; `delete` takes them out."""
        with lock_repo(self.repo):
            self.pull(lambda path: path.endswith(".dir") or path.startswith("runs"))
            index, keep = self._read(), set(map(_path, used(self.repo, revs)))
            keep |= {
                path for path in index.files if RUN.fullmatch(path) and self._leads(path, keep)
            }
            unused = index.files - keep
            if unused and delete:
                whole = {d: pack for d, pack in index.packs.items() if {p for p, _ in pack} <= keep}
                again = (index.files & keep) - Index(whole).files
                self.pull(again.__contains__)
                self._write("latest", Index(whole | self._upload(again), index.merged))
        return len(unused)

    def _leads(self, run: str, keep: set[str]) -> bool:
        return {_path(out["md5"]) for out in load_yaml(self.cache / run)["outs"]} <= keep

    def _local(self) -> Iterator[str]:
        for kind, pattern in (("files/md5", OBJECT), ("runs", RUN)):
            for file in sorted((self.cache / kind).rglob("*")):
                if pattern.fullmatch(path := file.relative_to(self.cache).as_posix()):
                    yield path

    def _read(self) -> Index:
        """What `latest` and all that is not merged into it hold together."""
        adds = {tag for tag in self.registry.tags() if tag.startswith("add-")}
        index = self._index("latest")
        for tag in sorted(adds - index.merged):
            index.packs |= self._index(tag).packs
        index.merged |= adds
        return index

    def _index(self, tag: str) -> Index:
        manifest = self.registry.manifest(tag)
        if manifest is None:
            return Index()
        try:
            found = json.loads(self.registry.blob(manifest["config"]["digest"]))
            packs = {
                digest: [(str(path), int(size)) for path, size in pack]
                for digest, pack in found["packs"].items()
            }
            index = Index(packs, set(found["merged"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{self.address}:{tag} is no store of this project.") from error
        if strange := [p for p in index.files if not (OBJECT.fullmatch(p) or RUN.fullmatch(p))]:
            raise UsageError(f"{self.address}:{tag} holds {strange[0]!r}, which DVC never writes.")
        return index

    def _write(self, tag: str, index: Index) -> None:
        found = {"packs": index.packs, "merged": sorted(index.merged)}
        config = json.dumps(found, sort_keys=True).encode()
        layers = [
            {
                "mediaType": f"{TYPE}.pack.v1",
                "digest": digest,
                "size": sum(size for _, size in pack),
                "annotations": {"org.opencontainers.image.title": _title(pack)},
            }
            for digest, pack in sorted(index.packs.items())
        ]
        described = {"mediaType": f"{TYPE}.index.v1+json", "size": len(config)}
        digest = sha256(config)
        self.registry.upload(io.BytesIO(config), digest, len(config), lambda n: None)
        self.registry.put_manifest(
            tag,
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": described | {"digest": digest},
                "layers": layers,
                "annotations": self._notes,
            },
        )

    def _fold(self) -> None:
        index = self._read()
        if index.merged - self._index("latest").merged:
            self._write("latest", index)

    def _upload(self, paths: Iterable[str]) -> dict[str, Pack]:
        packs: dict[str, Pack] = {}
        sizes = [(path, (self.cache / path).stat().st_size) for path in sorted(paths)]
        with _bar("push", sum(size for _, size in sizes)) as bar:
            for pack in _packs(sizes):
                for path, _ in pack:
                    if not verify(path, self.cache / path):
                        raise UsageError(
                            f"{self.cache / path} is damaged. Next: delete it, then dvc repro"
                        )
                with self._content(pack) as file:
                    digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
                    size = sum(size for _, size in pack)
                    self.registry.upload(file, digest, size, bar.update)
                packs[digest] = pack
        return packs

    def _content(self, pack: Pack) -> BinaryIO:
        if len(pack) == 1:
            return (self.cache / pack[0][0]).open("rb")
        return io.BytesIO(b"".join((self.cache / path).read_bytes() for path, _ in pack))

    def _bring(self, digest: str, pack: Pack, new: set[str], bar: tqdm) -> None:
        """Download beside the cache, verify, then move in place: nothing half-written is seen."""
        part = self.cache / "store" / digest.replace(":", "-")
        part.parent.mkdir(parents=True, exist_ok=True)
        bar.update(part.stat().st_size if part.exists() else 0)
        self.registry.download(digest, sum(size for _, size in pack), part, bar.update)
        with part.open("rb") as content:
            for path, size in pack:
                file = part
                if len(pack) > 1:
                    file = part.with_suffix(".file")
                    file.write_bytes(content.read(size))
                if path not in new:
                    continue
                if not verify(path, file):
                    raise StoreUnreachable(
                        f"{path} in the store {self.address} has other content than its name says, "
                        "and was not taken. Next: find out who pushed it; store it anew elsewhere"
                    )
                file.chmod(0o444 if OBJECT.fullmatch(path) else 0o644)  # read-only: DVC trusts it
                (self.cache / path).parent.mkdir(parents=True, exist_ok=True)
                file.replace(self.cache / path)
        part.unlink(missing_ok=True)


def _title(pack: Pack) -> str:
    return pack[0][0] if len(pack) == 1 else f"{len(pack)} files from {pack[0][0]}"


def _packs(sizes: Pack) -> Iterator[Pack]:
    """Files and runs apart, in order, each pack at most PACK bytes or one file."""
    pack: Pack = []
    for path, size in sizes:
        full = sum(n for _, n in pack) + size > PACK
        if pack and (full or path[:4] != pack[0][0][:4]):
            yield pack
            pack = []
        pack.append((path, size))
    if pack:
        yield pack


def _bar(name: str, total: int) -> tqdm:
    return tqdm(desc=name, total=total, unit="B", unit_scale=True, disable=not total)


class RemoteStore:
    """The remote that .dvc/config names, through DVC itself."""

    def __init__(self, repo: Repo):
        self.repo, self.address = repo, public(str(repo.cloud.get_remote().config["url"]))

    def _odb(self) -> Any:
        return self.repo.cloud.get_remote_odb(None, "store", hash_name="md5")

    def _there(self) -> set[str]:
        odb = self._odb()
        return set(odb.all()) if odb.fs.exists(odb.path) else set()

    def status(self) -> Status:
        with _told(self.address):
            there, need = self._there(), used(self.repo)
        here = set(self.repo.cache.local.all())
        return Status(
            address=self.address,
            objects=len(there),
            runs=None,
            to_pull=len(need & there - here),
            to_push=len(need & here - there),
            missing=len(need - here - there),
        )

    def pull(self) -> int:
        with _told(self.address):
            return self.repo.fetch(run_cache=True) if self._there() else 0

    def push(self, runs: bool = False) -> int:
        with _told(self.address):
            return self.repo.push(run_cache=runs)

    def gc(self, revs: list[str], delete: bool) -> int:
        with _told(self.address), lock_repo(self.repo):
            odb, infos = self._odb(), self.repo.used_objs(revs=revs).values()
            if not self._there():
                return 0
            count = remove_unused(odb, set().union(*infos), dry=not delete)
            get_index(odb).clear()
            return count


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Each kind of remote raises errors of its own."""
    try:
        yield
    except ProjectError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreUnreachable(
            f"The store {address} does not do what is asked ({reason}). Nothing is lost. "
            "Next: the same command again"
        ) from error


def tips(root: Path) -> list[str]:
    """The commits of all branches, of origin's too, and of all tags.

    Raises UsageError where the clone cannot know them.
    """
    if git.run(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        raise UsageError(
            "This clone is shallow: what other commits need would be lost. "
            "Next: git fetch --all --tags --unshallow"
        )
    form = "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    return sorted(set(git.run(root, "for-each-ref", form, "refs").stdout.split()))


def connect(repo: Repo) -> ArtifactStore | RemoteStore:
    """The store of the environment's STORE_URL, of .dvc/config, or of origin on GitHub."""
    origin = git.run(Path(repo.root_dir), "remote", "get-url", "origin").stdout.strip()
    name = re.search(r"github\.com[:/]([^/]+/[^/]+?)(\.git)?/?$", origin)
    source = f"https://github.com/{name[1]}" if name else ""
    if url := os.environ.get("STORE_URL"):
        return ArtifactStore(repo, url, source)
    if repo.config["core"].get("remote"):
        return RemoteStore(repo)
    if not name:
        raise UsageError(
            "No store is known: neither a remote of DVC, nor STORE_URL, nor a git remote origin on "
            "github.com. Next: git remote add origin https://github.com/OWNER/NAME.git, then "
            f"{COMMAND} store status"
        )
    return ArtifactStore(repo, f"https://ghcr.io/{name[1].lower()}/store", source)
