"""The index of the store in a container registry: which file is in which pack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mlops_loop.storage.answers import Content
from mlops_loop.storage.objects import NAME

PACK = 8 << 20  # bytes; larger files travel alone
# An object that makes another pack of the same files: four bytes, under their own MD5.
SALT_BYTES = b"salt"
SALT = ("files/md5/ce/b20772e0c9d240c75eb26b0e37abee", len(SALT_BYTES))
Pack = list[tuple[str, int]]  # path in the cache and size in bytes, in the order of the content


@dataclass
class Index:
    """The content of the store: packs by digest.

    merged: the `add-` tags that it contains. damaged: digests of packs whose content is lost; no
    pack has such a digest again, because a registry keeps what it has under that name. superseded:
    digests of earlier manifests of `latest`, which keep their packs on the registry's disk.
    """

    packs: dict[str, Pack] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    superseded: set[str] = field(default_factory=set)

    @classmethod
    def parse(cls, config: bytes) -> Index:
        """Raises ValueError for names that DVC never writes: they could lead out of the cache."""
        index = cls(**dict(Content.read(config)))
        if strange := [path for path in index.files if not NAME.fullmatch(path)]:
            raise ValueError(f"it names {strange[0]!r}, which DVC never writes")
        return index

    def to_json(self) -> bytes:
        """The same index, the same bytes."""
        lists = {name: sorted(getattr(self, name)) for name in ("merged", "damaged", "superseded")}
        return json.dumps({"packs": self.packs} | lists, sort_keys=True).encode()

    @property
    def files(self) -> set[str]:
        """Paths of all files in all packs."""
        return {path for pack in self.packs.values() for path, _ in pack} - {SALT[0]}

    def add(self, other: Index) -> None:
        """Take in what another index adds. What one of both knows as damaged is left out."""
        self.damaged |= other.damaged
        packs = self.packs | other.packs
        self.packs = {d: pack for d, pack in packs.items() if d not in self.damaged}


def total(pack: Pack) -> int:
    """Bytes of all files of a pack."""
    return sum(size for _, size in pack)


def packs_of(files: Iterable[tuple[str, int]], most: int) -> Iterator[Pack]:
    """Objects and stage results apart, in order, each pack at most `most` bytes or one file."""
    pack: Pack = []
    held = 0  # bytes; to add them up anew for each file would take a minute for 100,000 of them
    for path, size in files:
        if pack and (held + size > most or path[:4] != pack[0][0][:4]):
            yield pack
            pack, held = [], 0
        pack.append((path, size))
        held += size
    yield from [pack] if pack else []
