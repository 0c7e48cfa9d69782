"""Where the objects of DVC live: one artifact in a container registry, or a remote of DVC.

The artifact's layers are packs: a large file, or small ones one after another. Its config is the
index: which files, of which size, are in which pack. A push first writes a manifest of its own
(tag `add-...`) and then folds all such manifests into `latest`. A registry cannot compare and swap,
so two pushes may overwrite each other's `latest`; whoever reads also reads each `add-` tag that
`latest` does not name as merged, and nothing is lost.
"""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.fs import RemoteMissingDepsError
from dvc.repo import Repo, lock_repo
from dvc.utils.serialize import load_yaml
from tqdm import tqdm

from mlops_loop import git
from mlops_loop.errors import ProjectError, StoreUnreachable, UsageError
from mlops_loop.params import load
from mlops_loop.storage.oci import MANIFEST, Registry
from mlops_loop.storage.remote import (
    LOGIN,
    NAME,
    OBJECT,
    RUN,
    RemoteStore,
    Store,
    kind,
    object_path,
    settings,
    verify,
)

PACK = 8 << 20  # bytes; larger files travel alone
TYPE = "application/vnd.dvc.cache"
TIPS = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
Pack = list[tuple[str, int]]  # path in the cache and size in bytes, in the order of the content


@dataclass
class Index:
    """What is stored, by digest of the pack."""

    packs: dict[str, Pack] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)

    @property
    def files(self) -> set[str]:
        return {path for pack in self.packs.values() for path, _ in pack}


class ArtifactStore(Store):
    """DVC's cache of files and of runs, as one artifact of a registry."""

    def __init__(self, repo: Repo, url: str, source: str = ""):
        super().__init__(repo, url)
        self.registry = Registry(url)
        self._notes = {"org.opencontainers.image.source": source} if source else {}

    def there(self) -> set[str]:
        return self._read().files

    def pull(self, wanted: Callable[[str], bool] = lambda path: True) -> int:
        """Bring what is not here into the cache, each file verified; how many files came."""
        with lock_repo(self.repo):
            packs, here = self._read().packs, self.here()
            new = {p for pack in packs.values() for p, _ in pack if p not in here and wanted(p)}
            todo = {d: pack for d, pack in packs.items() if new & {p for p, _ in pack}}
            with _bar("pull", sum(map(total, todo.values()))) as bar:
                for digest in sorted(todo, key=todo.__getitem__):  # runs come after their objects
                    self._bring(digest, todo[digest], new, bar)
        return len(new)

    def push(self, runs: bool = False) -> int:
        """Store what this commit needs, with `runs` the whole cache; how many files are new."""
        with lock_repo(self.repo):
            new = (self.here() if runs else self.here() & self.used()) - self.there()
            if new:
                self._write(f"add-{uuid.uuid4().hex}", Index(self._upload(new)))
            index = self._read()
            if index.merged - self._index("latest").merged:
                self._write("latest", index)
        return len(new)

    def gc(self, revs: list[str], delete: bool) -> int:
        """Count the files that no work tree of `revs` needs; `delete` takes them out."""
        with lock_repo(self.repo):
            self.pull(lambda path: path.endswith(".dir") or path.startswith("runs"))
            index, keep = self._read(), self.used(revs)
            for run in list(filter(RUN.fullmatch, index.files)):
                outs = load_yaml(self.cache / run)["outs"]
                keep |= {run} if {object_path(out["md5"]) for out in outs} <= keep else set()
            unused = index.files - keep
            if unused and delete:
                whole = {d: pack for d, pack in index.packs.items() if {p for p, _ in pack} <= keep}
                again = (index.files & keep) - Index(whole).files
                self.pull(again.__contains__)
                self._write("latest", Index(whole | self._upload(again), index.merged))
        return len(unused)

    def _read(self) -> Index:
        """What `latest` and all that is not merged into it hold together."""
        adds = {tag for tag in self.registry.tags() if tag.startswith("add-")}
        index = self._index("latest")
        for tag in sorted(adds - index.merged):
            index.packs |= self._index(tag).packs
        return Index(index.packs, index.merged | adds)

    def _index(self, tag: str) -> Index:
        manifest = self.registry.manifest(tag)
        if manifest is None:
            return Index()
        try:
            found = json.loads(self.registry.blob(manifest["config"]["digest"]))
            packs = {digest: [(p, n) for p, n in pack] for digest, pack in found["packs"].items()}
            index = Index(packs, set(found["merged"]))
            if strange := [path for path in index.files if not NAME.fullmatch(path)]:
                raise ValueError(f"it names {strange[0]!r}, which DVC never writes")
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{self.address}:{tag} is no store of a project: {error}") from error
        return index

    def _write(self, tag: str, index: Index) -> None:
        found = {"packs": index.packs, "merged": sorted(index.merged)}
        config = json.dumps(found, sort_keys=True).encode()
        digest = self.registry.upload(io.BytesIO(config), len(config), lambda n: None)
        layers = [_layer("pack.v1", d, total(pack)) for d, pack in sorted(index.packs.items())]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "annotations": self._notes}
        manifest |= {"config": _layer("index.v1+json", digest, len(config)), "layers": layers}
        self.registry.put_manifest(tag, manifest)

    def _upload(self, paths: Iterable[str]) -> dict[str, Pack]:
        files = [(path, (self.cache / path).stat().st_size) for path in sorted(paths)]
        for path, _ in files:
            if not verify(path, self.cache / path):
                raise UsageError(f"{self.cache / path} is damaged. Next: delete it, then dvc repro")
        with _bar("push", total(files)) as bar:
            return {self._send(pack, bar): pack for pack in _packs(files)}

    def _send(self, pack: Pack, bar: tqdm) -> str:
        first, *more = (self.cache / path for path, _ in pack)
        with first.open("rb") as file:
            small = more and io.BytesIO(file.read() + b"".join(p.read_bytes() for p in more))
            return self.registry.upload(small or file, total(pack), bar.update)

    def _bring(self, digest: str, pack: Pack, new: set[str], bar: tqdm) -> None:
        """Download beside the cache, verify, then move in place: nothing half-written is seen."""
        part = self.cache / "store" / digest.replace(":", "-")
        part.parent.mkdir(parents=True, exist_ok=True)
        self.registry.download(digest, total(pack), part, bar.update)
        with part.open("rb") as content:
            for path, size in pack:
                file = part if len(pack) == 1 else part.with_suffix(".file")
                if file != part:
                    file.write_bytes(content.read(size))
                if path not in new:
                    continue
                if not verify(path, file):
                    told = f"{path} in {self.address} is not what its name says, and was not taken"
                    raise StoreUnreachable(f"{told}. Next: ask who pushed it; use a new STORE_URL")
                file.chmod(0o444 if OBJECT.fullmatch(path) else 0o644)  # read-only: DVC trusts it
                (self.cache / path).parent.mkdir(parents=True, exist_ok=True)
                file.replace(self.cache / path)
        for rest in part.parent.glob(f"{part.name}*"):
            rest.unlink()


def total(pack: Pack) -> int:
    return sum(size for _, size in pack)


def _layer(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"{TYPE}.{kind}", "digest": digest, "size": size}


def _packs(files: Pack) -> Iterator[Pack]:
    """Files and runs apart, in order, each pack at most PACK bytes or one file."""
    pack: Pack = []
    for path, size in files:
        if pack and (total(pack) + size > PACK or path[:4] != pack[0][0][:4]):
            yield pack
            pack = []
        pack.append((path, size))
    yield from [pack] if pack else []


def _bar(name: str, size: int) -> tqdm:
    return tqdm(desc=name, total=size, unit="B", unit_scale=True, disable=not size)


def tips(root: Path) -> list[str]:
    """The commits of all branches, of origin's too, and of all tags.

    Raises UsageError where the clone cannot know them.
    """
    if git.run(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        raise UsageError("This clone is shallow. Next: git fetch --all --tags --unshallow")
    return sorted(set(git.run(root, "for-each-ref", f"--format={TIPS}", "refs").stdout.split()))


def choose(repo: Repo) -> ArtifactStore | RemoteStore:
    """The store of the environment's STORE_URL, of .dvc/config, or of origin on GitHub."""
    name = git.github_name(Path(repo.root_dir))
    url = os.environ.get("STORE_URL", "")
    remote = repo.config["core"].get("remote")
    if remote and (not url or kind(url) in LOGIN):
        return RemoteStore(repo, repo.config["remote"][remote]["url"])
    if not url and not name:
        raise UsageError(
            "No store is known: neither STORE_URL, nor a remote of DVC, nor a git remote origin on "
            "github.com. Next: git remote add origin https://github.com/OWNER/NAME.git"
        )
    url = url or f"https://ghcr.io/{name.lower()}/store"
    return ArtifactStore(repo, url, name and f"https://github.com/{name}")


@contextmanager
def opened(root: Path) -> Iterator[ArtifactStore | RemoteStore]:
    """The project's store; what DVC and the libraries of its remotes raise is StoreUnreachable."""
    with Repo(str(root), **settings(root)) as repo:
        store = choose(repo)
        try:
            yield store
        except ProjectError:
            raise
        except Exception as error:
            if isinstance(store, ArtifactStore) and not isinstance(error, DvcException):
                raise
            if isinstance(error, DvcException) and (root / "params.yaml").exists():
                load(root / "params.yaml")  # DVC fills dvc.yaml with it, and says less on errors
            reason = " ".join(str(error).split()) or type(error).__name__
            then = "the same again"
            if isinstance(error, RemoteMissingDepsError):
                then = f"uv add --group pipeline 'dvc[{kind(store.address)}]'"
            elif isinstance(store, RemoteStore):
                then += "; another login is given by STORE_USERNAME and STORE_PASSWORD"
            told = f"The store {store.address}: {reason}. Nothing is lost. Next: {then}"
            raise StoreUnreachable(told) from error
