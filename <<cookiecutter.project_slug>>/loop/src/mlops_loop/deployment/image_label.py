"""Which model an image was built around: a label of its configuration, which the build checks.

The Dockerfile writes the label from a build argument, and stops where the bundle in the image has
another id. An image for several platforms is a list; each of them must have the same label. Proofs
of origin and lists of contents, which BuildKit puts beside the platforms, are no images:
https://docs.docker.com/build/metadata/attestations/attestation-storage
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.storage.answers import ImageConfig, ImageManifest, Unexpected
from mlops_loop.storage.oci import ContainerRegistry

LABEL = "mlops-loop.bundle-id"


def bundle_ids(registry: ContainerRegistry, manifest: bytes) -> set[str]:
    """What the labels of an image's platforms name; "" stands for no label.

    Raises StoreUnreachable where a part of the image is missing, or is none.
    """
    try:
        return set(_labels(registry, manifest))
    except Unexpected as error:
        raise StoreUnreachable(
            f"The registry {registry.url} has an image with {error}. Next: build and push it again"
        ) from error


def _labels(registry: ContainerRegistry, manifest: bytes) -> Iterator[str]:
    image = ImageManifest.read(manifest)
    if image.config and not image.manifests:
        yield _label(registry.blob(image.config.digest))
    elif image.config or not image.manifests:
        raise Unexpected("neither one configuration nor a list of platforms")
    for part in image.manifests or []:
        if not part.is_attestation:
            yield from _labels(registry, _part(registry, part.digest))


def _part(registry: ContainerRegistry, digest: str) -> bytes:
    if found := registry.read(digest):
        return found[1]
    raise Unexpected(f"a part that is not there: {digest}")


def _label(config: bytes) -> str:
    settings = ImageConfig.read(config).config
    return ((settings and settings.Labels) or {}).get(LABEL, "")


def check_label(
    image: str, labels: Collection[str], bundle_id: str, whose: str, after: str
) -> None:
    """Raise UsageError unless there are labels, and all of them name this bundle.

    whose: what has this bundle, a version or models/bundle. after: the next command.
    """
    if set(labels) == {bundle_id}:
        return
    named = ", ".join(sorted(set(labels) - {bundle_id, ""}))
    has = f"has the label {LABEL}={named}" if named else f"has no label {LABEL}"
    raise UsageError(
        f"{image} {has}, and {whose} is bundle {bundle_id}. Nothing was changed. Next: {after}"
    )
