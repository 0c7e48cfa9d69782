"""The image's tag `production` beside the ledger, which it has to follow."""

from __future__ import annotations

from mlops_loop.deployment.image import Image
from mlops_loop.deployment.results import PointerMismatch
from mlops_loop.registry.entries import Ledger


def disagreement(image: Image, entries: Ledger) -> PointerMismatch | None:
    """How the image's tag `production` and the ledger differ; None where they agree."""
    now, digest = entries.current(), image.digest()
    if digest == (now and now.image_digest):
        return None
    return PointerMismatch(image.url, digest, entries.describe())
