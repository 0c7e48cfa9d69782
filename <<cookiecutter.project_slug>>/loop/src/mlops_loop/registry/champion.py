"""The champion: the bundle of the version that is in production, brought out of DVC's store."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlops_loop import paths
from mlops_loop.errors import NoValidBundle, StoreUnreachable
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry import ledger as registry


def fetch(repo: Path) -> tuple[str, Bundle] | None:
    """Bring the champion to `build/champion`: its version and bundle, or None before the first.

    Raises StoreUnreachable where an object is neither in DVC's cache nor in its remote, and
    NoValidBundle where the bundle is not the one that was registered.
    """
    ledger = registry.read(repo)
    now = ledger.current()
    if now is None:
        return None
    return now.version, bring(repo, ledger.find(now.version), repo / paths.CHAMPION)


def bring(repo: Path, version: registry.Entry, folder: Path) -> Bundle:
    """Put the bundle of any version in the place of `folder`; raises as `fetch` does."""
    _download(repo, version, folder)
    found = bundles.load(folder)
    registered = version.note.get("bundle_id", found.id)
    if found.id != registered:
        raise NoValidBundle(
            f"{version.tag} was registered with bundle {registered}, and its commit leads to "
            f"{found.id}: the tag was moved. Next: git fetch --tags --force"
        )
    return found


def _download(repo: Path, version: registry.Entry, folder: Path) -> None:
    """Read through DVC's own file system, with the remote that is configured today."""
    from dvc.api import DVCFileSystem
    from dvc.repo import Repo

    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Repo(str(repo)) as today:
            config = {key: today.config[key] for key in ("core", "remote", "cache")}
        files = DVCFileSystem(str(repo), rev=version.commit, config=config)
        files.get(str(paths.BUNDLE), str(folder), recursive=True)
    except Exception as error:  # each kind of remote raises errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreUnreachable(
            f"The model of {version.version} is neither in DVC's cache nor in a remote that "
            f"answers ({reason}). Next: loop store pull; where the store has lost it: "
            f"git checkout {version.tag} && dvc repro && git checkout -"
        ) from error
