"""The container image in its registry, and the tag that says which one is in production."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from urllib3.util import Retry

from mlops_loop import git, paths
from mlops_loop.errors import UsageError
from mlops_loop.model import bundle as bundles
from mlops_loop.registry import ledger as registry
from mlops_loop.storage.oci import LOOPBACK, Registry

POINTER = "production"
ONCE = Retry(0, allowed_methods=None)  # where no answer is an answer too


class Image:
    """The image at IMAGE_URL, by default in the registry of the repository on GitHub.

    A host follows the tag `production` (deploy/host). The registry's own StoreUnreachable is
    raised where it is down or refuses.
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
        if "://" not in url:  # as Docker writes and understands it
            url = f"{'http' if url.split('/')[0].split(':')[0] in LOOPBACK else 'https'}://{url}"
        self._registry = Registry(url, retries)
        self.url = self._registry.url

    def digest(self, tag: str = POINTER) -> str | None:
        """What a tag names; None where there is no such tag."""
        found = self._registry.read(tag)
        return f"sha256:{hashlib.sha256(found[1]).hexdigest()}" if found else None

    def check(self, digest: str) -> None:
        """Raise UsageError unless the registry holds this very image."""
        if self.digest(digest) != digest:
            raise UsageError(f"{self.url} holds no image {digest}. Next: build and push it")

    def point(self, digest: str) -> None:
        """Let the pointer name an image that is there."""
        self.check(digest)
        self._registry.write(POINTER, *self._registry.read(digest))

    def plan(self, repo: Path) -> dict[str, str]:
        """What a build of HEAD with models/bundle is called: registry, name, tag, version.

        `digest` is that of the same build by an earlier run, empty where there was none.
        """
        made, ledger = bundles.load(repo / paths.BUNDLE), registry.fetch(repo)
        known = ledger.version_of_bundle(made.id)
        name = self.url.partition("://")[2]
        tag = f"{git.run(repo, 'rev-parse', '--short=12', 'HEAD').stdout.strip()}-{made.id}"
        return {
            "registry": name.partition("/")[0],
            "name": name,
            "tag": tag,
            "version": known.version if known else registry.next_version(repo),
            "digest": self.digest(tag) or "",
        }

    def remove_pointer(self) -> bool:
        """Let nothing be in production; False where the registry cannot take a tag away."""
        return self._registry.remove(POINTER)
