"""DVC's objects as one artifact in a container registry.

The artifact's layers are packs: a large file, or small ones one after another. Its config is the
index: which files, of which size, are in which pack. A push first writes a manifest of its own
(tag `add-...`) and then merges all such manifests into `latest`. A registry cannot compare and
swap, so two pushes may overwrite each other's `latest`; readers also read each `add-` tag that
`latest` does not name as merged, so nothing is lost.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc.repo import Repo, lock_repo
from dvc.utils.serialize import load_yaml
from tqdm import tqdm

from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.storage.objects import NAME, OBJECT, RUN, Store, object_path, verify
from mlops_loop.storage.oci import MANIFEST, ContainerRegistry

PACK = 8 << 20  # bytes; larger files travel alone
TYPE = "application/vnd.dvc.cache"
Pack = list[tuple[str, int]]  # path in the cache and size in bytes, in the order of the content


@dataclass
class Index:
    """The content of the store: packs by digest. `merged` are the `add-` tags that it contains."""

    packs: dict[str, Pack] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)

    @property
    def files(self) -> set[str]:
        """Paths of all files in all packs."""
        return {path for pack in self.packs.values() for path, _ in pack}


class ArtifactStore(Store):
    """DVC's cache of files and of stage results, as one artifact of a registry."""

    def __init__(self, repo: Repo, url: str, source: str = ""):
        super().__init__(repo, url)
        self.registry = ContainerRegistry(url)
        self._annotations = {"org.opencontainers.image.source": source} if source else {}

    def remote_files(self) -> set[str]:
        """Objects and cached stage results in the store."""
        return self.read_index().files

    def pull(self, wanted: Callable[[str], bool] = lambda path: True) -> int:
        """Download the `wanted` files that the cache lacks, each verified; the number of files."""
        with lock_repo(self.repo):
            packs, cached = self.read_index().packs, self.cached_files()
            paths = {path for pack in packs.values() for path, _ in pack}
            new = {path for path in paths - cached if wanted(path)}
            todo = {d: pack for d, pack in packs.items() if any(path in new for path, _ in pack)}
            with _progress("pull", sum(map(total, todo.values()))) as bar:
                for digest in sorted(todo, key=todo.__getitem__):  # runs come after their objects
                    self._download(digest, todo[digest], new, bar)
        return len(new)

    def push(self, runs: bool = False) -> int:
        """Store what this commit needs, with `runs` the whole cache; the number of new files."""
        with lock_repo(self.repo):
            cached = self.cached_files()
            new = (cached if runs else cached & self.needed_objects()) - self.remote_files()
            if new:
                self.write_index(f"add-{uuid.uuid4().hex}", Index(self._upload(new)))
            index = self.read_index()
            if index.merged - self.read_tag("latest").merged:
                self.write_index("latest", index)
            if lost := new - self.remote_files():
                raise StoreUnreachable(
                    f"{len(lost)} of {len(new)} files that were pushed are not in {self.address}, "
                    f"as {min(lost)}. They are still here. Next: the same command again"
                )
        return len(new)

    def gc(self, revs: list[str], delete: bool) -> int:
        """Count, or delete, the files that neither work tree nor `revs` need."""
        with lock_repo(self.repo):
            self.pull(lambda path: path.endswith(".dir") or path.startswith("runs"))
            index = self.read_index()
            keep = self._needed_files(index, revs)
            unused = index.files - keep
            if unused and delete:
                self._repack(index, keep)
        return len(unused)

    def _needed_files(self, index: Index, revs: list[str]) -> set[str]:
        """The objects that are needed, and the stage results that lead to nothing else."""
        keep = self.needed_objects(revs)
        for run in filter(RUN.fullmatch, index.files):
            outs = load_yaml(self.cache / run)["outs"]
            if {object_path(out["md5"]) for out in outs} <= keep:
                keep.add(run)
        return keep

    def _repack(self, index: Index, keep: set[str]) -> None:
        """Keep the packs of which all files are kept; upload the other kept files again."""
        whole = {d: pack for d, pack in index.packs.items() if {p for p, _ in pack} <= keep}
        again = (index.files & keep) - Index(whole).files
        self.pull(again.__contains__)
        self.write_index("latest", Index(whole | self._upload(again), index.merged))

    def read_index(self) -> Index:
        """The content of `latest` and of all that is not merged into it yet.

        Raises StoreUnreachable for a tag that is listed and cannot be read: taken for empty, it
        would count as merged, and its files would be lost.
        """
        tags = self.registry.tags()
        adds = {tag for tag in tags if tag.startswith("add-")}
        index = self.read_tag("latest", listed="latest" in tags)
        for tag in sorted(adds - index.merged):
            index.packs |= self.read_tag(tag, listed=True).packs
        return Index(index.packs, index.merged | adds)

    def read_tag(self, tag: str, listed: bool = False) -> Index:
        """The index of one manifest; an empty one where there is no such tag, unless it is listed.

        Raises StoreUnreachable for a listed one that the registry does not give.
        """
        manifest = self.registry.manifest(tag)
        if manifest is None and listed:
            raise StoreUnreachable(
                f"{self.address} lists the tag {tag} and does not give it: the registry is not in "
                "order now. Nothing is lost. Next: the same command again"
            )
        if manifest is None:
            return Index()
        try:
            return _parse_index(self.registry.blob(manifest["config"]["digest"]))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{self.address}:{tag} is no store of a project: {error}") from error

    def write_index(self, tag: str, index: Index) -> None:
        """Write the manifest of packs that are in the registry already."""
        content = {"packs": index.packs, "merged": sorted(index.merged)}
        config = json.dumps(content, sort_keys=True).encode()
        digest = self.registry.upload(io.BytesIO(config), len(config), lambda n: None)
        layers = [_layer("pack.v1", d, total(pack)) for d, pack in sorted(index.packs.items())]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "annotations": self._annotations}
        manifest |= {"config": _layer("index.v1+json", digest, len(config)), "layers": layers}
        self.registry.put_manifest(tag, manifest)

    def _upload(self, paths: Iterable[str]) -> dict[str, Pack]:
        files = [(path, (self.cache / path).stat().st_size) for path in sorted(paths)]
        for path, _ in files:
            if not verify(path, self.cache / path):
                raise UsageError(f"{self.cache / path} is damaged. Next: delete it, then dvc repro")
        with _progress("push", total(files)) as bar:
            return {self._upload_pack(pack, bar): pack for pack in _packs(files)}

    def _upload_pack(self, pack: Pack, bar: tqdm) -> str:
        first, *more = (self.cache / path for path, _ in pack)
        with first.open("rb") as file:
            small = more and io.BytesIO(file.read() + b"".join(p.read_bytes() for p in more))
            return self.registry.upload(small or file, total(pack), bar.update)

    def _download(self, digest: str, pack: Pack, new: set[str], bar: tqdm) -> None:
        """Download beside the cache, verify, then move into place: no partial file is ever seen."""
        part = self.cache / "store" / digest.replace(":", "-")
        part.parent.mkdir(parents=True, exist_ok=True)
        self.registry.download(digest, total(pack), part, bar.update)
        if len(pack) == 1:
            self._take(pack[0][0], part)
        else:
            self._unpack(part, pack, new)
        for rest in part.parent.glob(f"{part.name}*"):
            rest.unlink()

    def _unpack(self, part: Path, pack: Pack, new: set[str]) -> None:
        file = part.with_suffix(".file")
        with part.open("rb") as content:
            for path, size in pack:
                data = content.read(size)
                if path in new:
                    file.write_bytes(data)
                    self._take(path, file)

    def _take(self, path: str, file: Path) -> None:
        """Move a file into the cache under its name, if its content is what the name says."""
        if not verify(path, file):
            problem = f"{path} in {self.address} is not what its name says, and was not taken"
            raise StoreUnreachable(f"{problem}. Next: ask who pushed it; use a new STORE_URL")
        file.chmod(0o444 if OBJECT.fullmatch(path) else 0o644)  # read-only: DVC trusts it
        (self.cache / path).parent.mkdir(parents=True, exist_ok=True)
        file.replace(self.cache / path)


def _parse_index(config: bytes) -> Index:
    """Raises ValueError for names that DVC never writes: they could lead out of the cache."""
    content = json.loads(config)
    packs = {digest: [(p, n) for p, n in pack] for digest, pack in content["packs"].items()}
    index = Index(packs, set(content["merged"]))
    if strange := [path for path in index.files if not NAME.fullmatch(path)]:
        raise ValueError(f"it names {strange[0]!r}, which DVC never writes")
    return index


def total(pack: Pack) -> int:
    """Bytes of all files of a pack."""
    return sum(size for _, size in pack)


def _layer(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"{TYPE}.{kind}", "digest": digest, "size": size}


def _packs(files: Pack) -> Iterator[Pack]:
    """Objects and stage results apart, in order, each pack at most PACK bytes or one file."""
    pack: Pack = []
    for path, size in files:
        if pack and (total(pack) + size > PACK or path[:4] != pack[0][0][:4]):
            yield pack
            pack = []
        pack.append((path, size))
    yield from [pack] if pack else []


def _progress(name: str, size: int) -> tqdm:
    return tqdm(desc=name, total=size, unit="B", unit_scale=True, disable=not size)
