"""The double's storage of artifacts fills up and empties as GitHub's does."""

import pytest

from .double.artifacts import ArtifactStorage, StorageFull


def test_what_is_kept_counts_until_it_expires():
    """An upload that does not fit is refused, and changes nothing."""
    storage = ArtifactStorage(quota=100)
    storage.upload(60, retention_days=14)
    with pytest.raises(StorageFull, match="Artifact storage quota has been hit"):
        storage.upload(41, retention_days=14)
    storage.upload(40, retention_days=1)
    assert (storage.used(), storage.left()) == (100, 0)
    storage.day = 1
    assert storage.left() == 40
    storage.day = 14
    assert storage.used() == 0


def test_by_default_an_artifact_stays_for_90_days():
    """A daily one of 6 MB fills the free plan in less than that, and not in 14 days."""

    def runs(**kept: int) -> int:
        storage = ArtifactStorage(quota=500_000_000)
        for storage.day in range(365):
            try:
                storage.upload(6_000_000, **kept)
            except StorageFull:
                break
        return storage.day

    assert runs() < 90
    assert runs(retention_days=14) == 364


def test_without_a_quota_nothing_is_refused():
    """As in a public repository."""
    storage = ArtifactStorage()
    storage.upload(10**12)
    assert storage.left() is None
