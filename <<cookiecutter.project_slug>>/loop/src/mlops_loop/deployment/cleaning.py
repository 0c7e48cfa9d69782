"""Which manifests of the image's package nothing needs any more.

Kept is all that has a tag, that the ledger names (a rollback returns to it), or that is young; the
parts of an index that is kept, such as its SBOM; and what is about a kept image, such as its
attestation. What cannot be read keeps everything: each error ends the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import TopologicalSorter
from urllib.parse import urlsplit

from mlops_loop.errors import StoreUnreachable
from mlops_loop.github.packages import Version
from mlops_loop.storage.answers import Links, Part, Unexpected
from mlops_loop.storage.login import of_github
from mlops_loop.storage.oci import DOCKER, KINDS, MANIFEST, ContainerRegistry

SINGLE = {MANIFEST, f"{DOCKER}.v2+json"}  # an image for one platform names no other manifest
INDEXES = {*KINDS, ""} - SINGLE


def package(url: str, repository: str) -> str:
    """The name of an image's package on GitHub; empty where it is elsewhere, or somebody else's."""
    where, owner = urlsplit(url), repository.partition("/")[0].lower()
    whose, _, name = where.path.strip("/").partition("/")
    return name if of_github(where.netloc) and whose == owner else ""


@dataclass(frozen=True)
class Plan:
    """What may be deleted, in the order in which a run that is cut off leaves nothing broken.

    kept: the number of versions that stay.
    """

    deletable: list[Version]
    kept: int


@dataclass
class _Graph:
    """The manifests of a package, read once each."""

    registry: ContainerRegistry
    read: dict[str, Links] = field(default_factory=dict)

    def links(self, digest: str) -> Links:
        """What a manifest names; raises StoreUnreachable where that cannot be known."""
        if digest not in self.read:
            if not (manifest := self.registry.read(digest)):
                raise StoreUnreachable(_unreadable(self.registry.url, digest, "it is not there"))
            try:
                self.read[digest] = Links.read(manifest[1])
            except Unexpected as error:
                reason = f"it holds {error}"
                raise StoreUnreachable(_unreadable(self.registry.url, digest, reason)) from error
        return self.read[digest]

    def reach(self, digests: Iterable[str], known: Collection[str]) -> set[str]:
        """Manifests and all their parts, of which `known` ones and all indexes are read."""
        reached, ahead = set(digests), list(digests)
        while ahead:
            parts = self.links(ahead.pop()).manifests
            new = [part for part in parts if part.digest not in reached]
            ahead += [part.digest for part in new if _may_have_parts(part, known)]
            reached |= {part.digest for part in new}
        return reached


def _may_have_parts(part: Part, known: Collection[str]) -> bool:
    """Not an image for one platform; nor a layer, as an index of a build's cache names them."""
    return part.mediaType not in SINGLE and (part.digest in known or part.mediaType in INDEXES)


def _unreadable(url: str, digest: str, reason: str) -> str:
    return (
        f"{url} lists {digest}, which cannot be read: {reason}. What it consists of is unknown, so "
        "nothing is deleted. Next: the same command again; if it stays so, look at this version "
        "on the package's page on GitHub"
    )


def plan(
    registry: ContainerRegistry, versions: Sequence[Version], needed: Collection[str],
    before: datetime,
) -> Plan:  # fmt: skip
    """What may be deleted of a package.

    needed: digests of the ledger. before: younger versions stay. Raises StoreUnreachable where a
    manifest that decides cannot be read.
    """
    graph, known = _Graph(registry), {version.digest for version in versions}
    roots = {v.digest for v in versions if v.tags or v.digest in needed or v.updated >= before}
    kept = graph.reach(roots, known)
    while about := _referrers(graph, known - kept, kept):
        kept |= graph.reach(about, known)
    rest = {version.digest: version for version in versions if version.digest not in kept}
    return Plan([rest[digest] for digest in _order(graph, rest)], len(versions) - len(rest))


def _referrers(graph: _Graph, digests: set[str], kept: set[str]) -> set[str]:
    """Those that are about something kept."""
    subjects = {digest: graph.links(digest).subject for digest in digests}
    return {digest for digest, subject in subjects.items() if subject and subject.digest in kept}


def _order(graph: _Graph, rest: Collection[str]) -> list[str]:
    """What names another one comes before it."""
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(rest, ()))
    for digest in rest:
        links = graph.links(digest)
        for part in [*links.manifests, *filter(None, [links.subject])]:
            if part.digest in rest:
                order.add(part.digest, digest)
    return list(order.static_order())
