"""The storage of artifacts: what is kept counts until it expires; beyond the quota, uploads fail.

https://docs.github.com/en/billing/concepts/product-billing/github-actions: 500 MB for private
repositories of the free plan. By default an artifact is kept for 90 days.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DEFAULT_DAYS = 90
FULL = (
    "Failed to CreateArtifact: Artifact storage quota has been hit. Unable to upload any new "
    "artifacts. Usage is recalculated every 6-12 hours."
)


class StorageFull(Exception):
    """GitHub takes no artifact any more."""


@dataclass
class ArtifactStorage:
    """Artifacts by the day on which they were uploaded; `quota` in bytes, None for no limit."""

    quota: int | None = None
    day: int = 0
    _kept: list[tuple[int, int]] = field(default_factory=list)  # the day it expires, and its size

    def used(self) -> int:
        """Return the bytes of all artifacts that have not expired today."""
        return sum(size for expires, size in self._kept if self.day < expires)

    def left(self) -> int | None:
        """Return how many bytes may still be uploaded today; None for no limit."""
        return None if self.quota is None else max(self.quota - self.used(), 0)

    def upload(self, size: int, retention_days: int = DEFAULT_DAYS) -> None:
        """Keep an artifact; raise StorageFull where there is no room for it."""
        left = self.left()
        if left is not None and size > left:
            raise StorageFull(FULL)
        self._kept.append((self.day + retention_days, size))
