"""The bundle of a version, fetched from DVC's store: the champion, or what is rolled back to."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlops_loop import paths
from mlops_loop.errors import NoValidBundle, StoreUnreachable
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry.entries import Entry


def fetch_version(repo: Path, version: Entry, folder: Path) -> Bundle:
    """Replace `folder` by the bundle of a version.

    Raises StoreUnreachable where an object is neither in DVC's cache nor in its remote, and
    NoValidBundle where the bundle is not the one that was registered.
    """
    _download(repo, version, folder)
    bundle = bundles.load(folder)
    if bundle.id != (version.bundle_id or bundle.id):
        raise NoValidBundle(
            f"{version.tag} was registered with bundle {version.bundle_id}, and its commit leads "
            f"to {bundle.id}: the tag was moved. Next: git fetch --tags --force"
        )
    return bundle


def _download(repo: Path, version: Entry, folder: Path) -> None:
    """Read through DVC's own file system, with the remote that is configured today."""
    from dvc.api import DVCFileSystem
    from dvc.repo import Repo

    from mlops_loop import job_token
    from mlops_loop.storage.remote import dvc_settings

    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Repo(str(repo), **dvc_settings(repo)) as today:
            config = {key: today.config[key] for key in ("core", "remote", "cache")}
        files = DVCFileSystem(str(repo), rev=version.commit, config=config)
        with job_token.kept_fresh():  # training may have taken hours since the login
            files.get(str(paths.BUNDLE), str(folder), recursive=True)
    except Exception as error:  # each kind of remote raises errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreUnreachable(
            f"The model of {version.version} is neither in DVC's cache nor in a remote that "
            f"answers ({reason}). Next: loop store pull; where the store has lost it: "
            f"git checkout {version.tag} && dvc repro && git checkout -"
        ) from error
