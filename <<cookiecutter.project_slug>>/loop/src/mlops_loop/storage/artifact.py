"""DVC's objects as one artifact in a container registry.

The artifact's layers are packs: a large file, or small ones one after another. Its config is the
index: which files, of which size, are in which pack. A push first writes a manifest of its own
(tag `add-...`) and then merges all such manifests into `latest`. A registry cannot compare and
swap, so two pushes may overwrite each other's `latest`; readers also read each `add-` tag that
`latest` does not name as merged, so nothing is lost.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import Any

from dvc.repo import Repo, lock_repo
from dvc.utils.serialize import load_yaml

from mlops_loop.errors import StoreNotThere, StoreUnreachable, UsageError
from mlops_loop.storage.index import Index, Pack, total
from mlops_loop.storage.objects import RUN, Has, Pulled, Store, Verified, always, object_path
from mlops_loop.storage.oci import MANIFEST, ContainerRegistry, NotKept
from mlops_loop.storage.packs import Packs, progress

TYPE = "application/vnd.dvc.cache"
LATEST = "latest"


class ArtifactStore(Store):
    """DVC's cache of files and of stage results, as one artifact of a registry."""

    def __init__(self, repo: Repo, url: str, source: str = "", has_versions: Has = always):
        super().__init__(repo, url, has_versions)
        self.registry = ContainerRegistry(url)
        self._packs, self.source = Packs(self.registry, self.cache), source
        self._annotations = {"org.opencontainers.image.source": source} if source else {}

    def _stored(self) -> set[str]:
        return self.read_index().files

    def pull(self, wanted: Callable[[str], bool] = lambda path: True) -> Pulled:
        """Download the `wanted` files that the cache lacks, each verified."""
        with lock_repo(self.repo):
            index = self.read_index()
            stored = self._expected(index.files)
            new = {path for path in stored - self.cached_files() if wanted(path)}
            self._packs.download(index.packs, new)
            lost = new - self.cached_files()
            return self._pulled(len(new - lost), lost)

    def push(self, runs: bool = False) -> int:
        """Store what this commit needs, with `runs` the whole cache; the number of new files.

        Raises StoreUnreachable unless the store has all of it in the end.
        """
        with lock_repo(self.repo):
            required, before = self._required(runs), self.read_index(may_be_absent=True)
            if new := required - before.files:
                packs = self._packs.upload(new, before.damaged)
                self.write_index(_new_tag(), Index(packs))
            index = self._merge() if new or before.merged else before
            self._compare(required, index.files)
        return len(new)

    def _merge(self) -> Index:
        """Let `latest` hold all that is in the registry."""
        index, latest = self.read_index(), self.read_tag(LATEST)
        if not index.merged - latest.merged:
            return index
        index.superseded |= {old} if (old := self.registry.digest(LATEST)) else set()
        self.write_index(LATEST, index)
        return self.read_index()

    def verify(self) -> Verified:
        """Read everything in the store; note in it what is damaged, so that a push mends it.

        What is sound in a damaged pack is stored again in another one.
        """
        with lock_repo(self.repo):
            index = self.read_index()
            self._expected(index.files)
            with progress("verify", sum(map(total, index.packs.values()))) as bar:
                looks = {d: self._packs.look(d, pack, bar) for d, pack in index.packs.items()}
            packs = {d: index.packs[d] for d, sound in looks.items() if not sound.whole}
            sound = {path for look in looks.values() for path in look.sound}
            return self._note(index, packs, sound)

    def _note(self, index: Index, packs: dict[str, Pack], sound: set[str]) -> Verified:
        """Store what is sound again, and that these packs are damaged."""
        damaged, noted = Index(packs).files - sound, True
        others = Index({d: pack for d, pack in index.packs.items() if d not in packs}).files
        if packs:
            try:
                again = self._packs.upload(Index(packs).files & sound - others, {*packs})
                self.write_index(_new_tag(), Index(again, damaged={*packs}))
            except StoreUnreachable as error:
                noted = error.status not in (401, 403)
                if noted:
                    raise
        return Verified(len(index.files), frozenset(damaged), noted)

    def gc(self, revs: list[str], delete: bool) -> int:
        """Count, or delete, the files that neither work tree nor `revs` need.

        Deleting lets go of all manifests that `latest` has replaced: their packs are then on the
        registry's disk until its own garbage collection. Raises StoreUnreachable where a listing
        of a folder is damaged, because what it names could not be told from what nobody needs.
        """
        with lock_repo(self.repo):
            self._pull_all(lambda path: path.endswith(".dir") or path.startswith("runs"))
            index = self.read_index()
            keep = self._needed_files(index, revs)
            if delete and index.files:
                self._repack(self._merge(), keep)
        return len(index.files - keep)

    def _pull_all(self, wanted: Callable[[str], bool]) -> None:
        if lost := self.pull(wanted).lost:
            raise StoreUnreachable(
                f"{self.address}: {len(lost)} files are damaged or missing, as {min(lost)}. "
                "Nothing was deleted. Next: loop store status --verify"
            )

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
        whole = {d: p for d, p in index.packs.items() if Index({d: p}).files <= keep}
        again = (index.files & keep) - Index(whole).files
        self._pull_all(again.__contains__)
        packs = whole | self._packs.upload(again, index.damaged)
        old = self.registry.digest(LATEST) or ""
        merged, kept = self._retire(index, old)
        self.write_index(LATEST, Index(packs, merged, index.damaged, kept | {old}))
        self.registry.remove(old)

    def _retire(self, index: Index, latest: str) -> tuple[set[str], set[str]]:
        """Let go of what `latest` has replaced: manifests by digest, as a registry wants them.

        A registry that deletes nothing gets another, empty manifest for each tag. Returns the tags
        and the digests that are left.
        """
        tags = index.merged & set(self.registry.tags())
        old = index.superseded | {self.registry.digest(tag) or latest for tag in tags}
        kept = {digest for digest in sorted(old - {latest}) if not self.registry.remove(digest)}
        left = tags & set(self.registry.tags())
        for tag in sorted(left):
            self.write_index(tag, Index())
        return left, kept

    def read_index(self, may_be_absent: bool = False) -> Index:
        """The content of `latest` and of all that is not merged into it yet.

        Only what was read counts as merged. Raises StoreUnreachable where a tag that the registry
        lists cannot be read, and StoreNotThere where there is no store, unless it may be absent.
        """
        try:
            tags = set(self.registry.tags())
        except StoreNotThere:
            if may_be_absent or not self.has_versions():
                return Index()
            raise
        index = self.read_tag(LATEST, LATEST in tags)
        adds = {tag for tag in tags if tag.startswith("add-")} - index.merged
        for tag in sorted(adds):
            index.add(self.read_tag(tag, listed=True))
        index.merged |= adds
        return index

    def read_tag(self, tag: str, listed: bool = False) -> Index:
        """The index of one manifest; an empty one where there is no such tag, unless `listed`."""
        manifest = self.registry.manifest(tag, listed)
        if manifest is None:
            return Index()
        try:
            return Index.parse(self.registry.blob((manifest.config or {})["digest"]))
        except (LookupError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, ValueError) else "it has no index"
            raise UsageError(f"{self.address}:{tag} is no store of a project: {reason}") from error

    def write_index(self, tag: str, index: Index) -> None:
        """Write the manifest of packs that are in the registry already."""
        config = index.to_json()
        try:
            digest = self.registry.upload(io.BytesIO(config), len(config), lambda n: None)
        except NotKept:
            config += b"\n"  # the same, with another digest
            digest = self.registry.upload(io.BytesIO(config), len(config), lambda n: None)
        layers = [_layer("pack.v1", d, total(pack)) for d, pack in sorted(index.packs.items())]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "annotations": self._annotations}
        manifest |= {"config": _layer("index.v1+json", digest, len(config)), "layers": layers}
        self.registry.put_manifest(tag, manifest)


def _layer(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"{TYPE}.{kind}", "digest": digest, "size": size}


def _new_tag() -> str:
    return f"add-{uuid.uuid4().hex}"
