"""Shelves of documents (history.py): tags in a container registry, or files in a folder or bucket.

They are beside DVC's objects, and nothing that DVC or `loop store gc` deletes.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.fs import localfs

from mlops_loop.errors import StoreNotThere, StoreUnreachable
from mlops_loop.storage.artifact import ArtifactStore
from mlops_loop.storage.history import History
from mlops_loop.storage.objects import Has, always
from mlops_loop.storage.oci import MANIFEST, ContainerRegistry
from mlops_loop.storage.remote import RemoteStore
from mlops_loop.storage.store import open_store
from mlops_loop.text import public_url

TYPE = "application/vnd.mlops-loop.history.v1"
EMPTY = b"{}"  # https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md


class TagShelf:
    """A tag for each document, in the repository of the store."""

    def __init__(self, registry: ContainerRegistry, source: str = "", has_versions: Has = always):
        self.address, self._registry = registry.url, registry
        self._annotations = {"org.opencontainers.image.source": source} if source else {}
        self._has_versions = has_versions

    def names(self) -> set[str]:
        """Those of documents, and of all else that is in the repository."""
        try:
            return set(self._registry.tags())
        except StoreNotThere:
            if self._has_versions():
                raise
            return set()

    def read(self, name: str) -> bytes | None:
        manifest = self._registry.manifest(name, listed=True)
        if manifest is None:
            return None
        digests = [layer.get("digest") for layer in manifest.layers or ()]
        if len(digests) != 1 or not isinstance(digests[0], str):
            raise StoreUnreachable(f"{self.address}:{name} is no document of a history.")
        return self._registry.blob(digests[0])

    def write(self, name: str, data: bytes) -> None:
        parts = {"config": ("application/vnd.oci.empty.v1+json", EMPTY), "layer": (TYPE, data)}
        made = {key: self._stored(*part) for key, part in parts.items()}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": TYPE}
        manifest |= {"config": made["config"], "layers": [made["layer"]]}
        self._registry.put_manifest(name, manifest | {"annotations": self._annotations})

    def _stored(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = self._registry.upload(io.BytesIO(data), len(data), lambda n: None)
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def remove(self, name: str) -> None:
        if digest := self._registry.digest(name):
            self._registry.remove(digest)


class FileShelf:
    """A file for each document in the folder `root` of a file system of DVC's."""

    def __init__(self, fs: Any, root: str):
        self.address, self._fs, self._root = public_url(root), fs, root.rstrip("/")

    def names(self) -> set[str]:
        with self._readable():
            if not self._fs.exists(self._root):
                return set()
            return {path.rpartition("/")[2] for path in self._fs.find(self._root)}

    def read(self, name: str) -> bytes | None:
        with self._readable():
            try:
                with self._fs.open(f"{self._root}/{name}", "rb") as file:
                    return file.read()
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """A file appears when it is complete: a local one, and one of ssh, by another name."""
        with self._readable():
            self._fs.makedirs(self._root, exist_ok=True)
            part = f"{self._root}/{name}.part-{uuid.uuid4().hex}"
            with self._fs.open(part, "wb") as file:
                file.write(data)
            self._fs.move(part, f"{self._root}/{name}")

    def remove(self, name: str) -> None:
        with self._readable():
            if self._fs.exists(path := f"{self._root}/{name}"):
                self._fs.remove(path)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # every file system has errors of its own
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StoreUnreachable(f"The store {self.address}: {reason}.") from error


@contextmanager
def open_history(root: Path, has_versions: Has = always) -> Iterator[History]:
    """The history in the project's store; raises UsageError and StoreUnreachable as that does."""
    with open_store(root, has_versions) as store:
        yield History(_shelf(store))


def in_folder(folder: Path) -> History:
    """A history in a folder of this machine."""
    return History(FileShelf(localfs, str(folder)))


def _shelf(store: ArtifactStore | RemoteStore) -> TagShelf | FileShelf:
    if isinstance(store, ArtifactStore):
        return TagShelf(store.registry, store.source, store.has_versions)
    return FileShelf(*store.beside("history"))
