"""The container image in its registry, and the tag that says which one is in production."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from urllib3.util import Retry

from mlops_loop import git, paths
from mlops_loop.deployment.image_label import bundle_ids, check_label
from mlops_loop.errors import StoreNotThere, UsageError
from mlops_loop.registry import ledger
from mlops_loop.registry.tags import has_versions
from mlops_loop.storage import login
from mlops_loop.storage.oci import ContainerRegistry, address

POINTER = "production"
ONCE = Retry(0, allowed_methods=None)  # where no answer is an answer too


class Image:
    """The image at IMAGE_URL, by default in the registry of the repository on GitHub.

    A host follows the tag `production` (deploy/host). Every method raises StoreUnreachable where
    the container registry is down or refuses.
    """

    def __init__(self, repo: Path, retries: Retry | None = None):
        env = os.environ
        name = env.get("GITHUB_REPOSITORY") or git.github_name(repo)
        url = env.get("IMAGE_URL") or (f"ghcr.io/{name.lower()}" if name else "")
        if not url:
            raise UsageError(
                "No image is known: neither IMAGE_URL nor a repository on GitHub. Next: set "
                "IMAGE_URL=HOST/OWNER/NAME, or git remote add origin https://github.com/OWNER/NAME"
            )
        self.registry = ContainerRegistry(address(url), retries, "IMAGE")
        self.url = self.registry.url

    def digest(self, tag: str = POINTER) -> str | None:
        """The digest that a tag names, sha256:...; None where there is no such tag."""
        manifest = self.registry.read(tag)
        return _digest(manifest[1]) if manifest else None

    def check(self, digest: str) -> None:
        """Raise UsageError unless the registry holds this very image."""
        self._manifest(digest)

    def check_bundle(self, digest: str, bundle_id: str, version: str, has_run: bool) -> None:
        """Raise UsageError unless the image was built around the bundle of this version.

        has_run: whether the ledger has this image for this version already. Then it may lack the
        label, as images from before there was one.
        """
        labels = bundle_ids(self.registry, self._manifest(digest)[1])
        if has_run and labels and labels <= {"", bundle_id}:
            return
        after = f"loop registry fetch {version} && make image, push it, then loop deploy {version}"
        name = f"{self.url.partition('://')[2]}@{digest}"
        check_label(name, labels, bundle_id, version, f"{after} --digest sha256:...")

    def point(self, digest: str) -> None:
        """Let the tag `production` name this image; raises UsageError where it does not exist."""
        self.registry.write(POINTER, *self._manifest(digest))

    def _manifest(self, digest: str) -> tuple[str, bytes]:
        """Media type and content of an image by its digest; raises UsageError where it is not."""
        manifest = self.registry.read(digest)
        if not manifest or _digest(manifest[1]) != digest:
            raise UsageError(f"{self.url} holds no image {digest}. Next: build and push it")
        return manifest

    def plan(self, repo: Path) -> dict[str, str]:
        """The name of a build of HEAD with models/bundle: registry, name, tag, bundle, version.

        `digest` is that of the same build by an earlier run, empty where there was none; `login`
        says whose login is for the registry: store, image, github, or empty.
        """
        from mlops_loop.model import bundle as bundles

        bundle = bundles.load(repo / paths.BUNDLE)
        entries = ledger.fetch(repo)
        known = entries.version_of_bundle(bundle.id)
        name = self.url.partition("://")[2]
        version = known.version if known else ledger.next_version(entries)
        commit = git.run(repo, "rev-parse", "--short=12", "HEAD").stdout.strip()
        tag = f"{commit}-{bundle.id}-{version}"
        return {
            "registry": (host := name.partition("/")[0]),
            "login": login.source(host, "IMAGE").lower(),
            "name": name,
            "tag": tag,
            "version": version,
            "bundle": bundle.id,
            "digest": self._built(repo, tag),
        }

    def _built(self, repo: Path, tag: str) -> str:
        """The digest of an earlier build, empty without one.

        Before the first version, a registry may refuse to read what does not exist.
        """
        try:
            return self.digest(tag) or ""
        except StoreNotThere:
            if has_versions(repo):
                raise
            return ""

    def remove_pointer(self) -> bool:
        """Delete the tag `production`; False where the container registry cannot delete a tag."""
        return self.registry.remove(POINTER)


def _digest(manifest: bytes) -> str:
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"
