"""Packs of files: how they get from DVC's cache into a registry, and back."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from mlops_loop.errors import StoreUnreachable
from mlops_loop.storage import index
from mlops_loop.storage.index import SALT, SALT_BYTES, Pack, packs_of, total
from mlops_loop.storage.objects import check_cached, take, verify
from mlops_loop.storage.oci import ContainerRegistry, NotKept, sha256

SALTS = 9  # packs of the same files, of which a registry has damaged all but the last
Check = Callable[[str, Path], bool]


@dataclass(frozen=True)
class Look:
    """What a pack in the registry holds: `sound` are the files that are what their names say."""

    sound: frozenset[str]
    whole: bool


@dataclass(frozen=True)
class Packs:
    """The packs of one registry; `cache` is DVC's folder."""

    registry: ContainerRegistry
    cache: Path

    def upload(self, paths: Iterable[str], damaged: set[str]) -> dict[str, Pack]:
        """Store files, none of them in a pack with a `damaged` digest; packs by digest.

        Raises UsageError for a file that is not what its name says.
        """
        files = [(path, (self.cache / path).stat().st_size) for path in sorted(paths)]
        check_cached(self.cache, [path for path, _ in files])
        with progress("push", total(files)) as bar:
            packs = packs_of(files, index.PACK)
            return dict(self._upload(pack, damaged, bar) for pack in packs)

    def _upload(self, pack: Pack, damaged: set[str], bar: tqdm) -> tuple[str, Pack]:
        for salted in (pack + [SALT] * number for number in range(SALTS)):
            with self._content(salted) as file, suppress(NotKept):
                if sha256(file) not in damaged:
                    return self.registry.upload(file, total(salted), bar.update), salted
        raise StoreUnreachable(
            f"{self.registry.url} does not keep what is stored. Next: ask whose registry it is"
        )

    @contextmanager
    def _content(self, pack: Pack) -> Iterator[Any]:
        """A file with the content of a pack."""
        if len(pack) == 1:
            with (self.cache / pack[0][0]).open("rb") as file:
                yield file
            return
        with tempfile.TemporaryFile(dir=self.cache) as joined:
            for path, _ in pack:
                if path == SALT[0]:
                    joined.write(SALT_BYTES)
                    continue
                with (self.cache / path).open("rb") as file:
                    shutil.copyfileobj(file, joined)
            joined.seek(0)
            yield joined

    def download(self, packs: dict[str, Pack], new: set[str]) -> None:
        """Bring the `new` files into the cache; those that are missing or damaged do not come."""
        todo = {d: pack for d, pack in packs.items() if any(path in new for path, _ in pack)}
        with progress("pull", sum(map(total, todo.values()))) as bar:
            for digest in sorted(todo, key=todo.__getitem__):  # runs come after their objects
                part, _ = self._fetch(digest, todo[digest], bar)
                self._sound(part, todo[digest], new, self._take)
                _remove(part)

    def look(self, digest: str, pack: Pack, bar: tqdm) -> Look:
        """Read a pack; what is sound in a damaged one is then in the cache."""
        part, same = self._fetch(digest, pack, bar)
        paths = {path for path, _ in pack}
        sound = self._sound(part, pack, paths, verify)
        if whole := same and sound == paths:
            lacking: set[str] = set()
        else:
            lacking = {path for path in sound if not (self.cache / path).exists()}
        self._sound(part, pack, lacking, self._take)
        _remove(part)
        return Look(frozenset(sound), whole)

    def _fetch(self, digest: str, pack: Pack, bar: tqdm) -> tuple[Path, bool]:
        """Download beside the cache, so that no partial file is seen in it.

        Returns the file, and whether it has the digest of the pack.
        """
        part = self.cache / "store" / digest.replace(":", "-")
        part.parent.mkdir(parents=True, exist_ok=True)
        return part, self.registry.download(digest, total(pack), part, bar.update)

    def _sound(self, part: Path, pack: Pack, wanted: set[str], check: Check) -> set[str]:
        """Those of the wanted files in a downloaded pack for which `check(path, file)` is true."""
        if len(pack) == 1:
            return {path for path, _ in pack if path in wanted and check(path, part)}
        file, sound = part.with_suffix(".file"), set()
        with part.open("rb") as content:
            for path, size in pack:
                if path not in wanted:
                    content.seek(size, os.SEEK_CUR)
                    continue
                _copy(content, file, size)
                if check(path, file):
                    sound.add(path)
        return sound

    def _take(self, path: str, file: Path) -> bool:
        return take(self.cache, path, file)


def _copy(content: IO[bytes], file: Path, size: int) -> None:
    """Write the next `size` bytes, or what there is, to a file."""
    with file.open("wb") as out:
        while size and (piece := content.read(min(size, 1 << 20))):
            size -= out.write(piece)


def _remove(part: Path) -> None:
    for rest in part.parent.glob(f"{part.name}*"):
        rest.unlink()


def progress(name: str, size: int) -> tqdm:
    """A bar that counts bytes; none where there are none."""
    return tqdm(desc=name, total=size, unit="B", unit_scale=True, disable=not size)
