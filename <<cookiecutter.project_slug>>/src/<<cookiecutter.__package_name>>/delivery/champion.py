"""The champion: the bundle of the version that is in production, brought out of DVC's store."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .. import bundle as bundles
from ..bundle import Bundle
from ..errors import NoValidBundle, StoreUnreachable, UsageError
from . import ledger
from .ledger import Version
from .lock import OUTPUT


@dataclass(frozen=True)
class Champion:
    """A registered model on disk; `commit` is the one that its version names."""

    version: str
    bundle_dir: Path
    commit: str
    bundle: Bundle


def fetch(repo: Path, stage: str = "production", into: Path | None = None) -> Champion | None:
    """Bring the bundle that `stage` holds to the folder `into`; None where it holds nothing.

    The work tree stays as it is. What is in `into` already is replaced where it is a bundle.

    Raises StoreUnreachable where an object is neither in DVC's cache nor in its remote,
    NoValidBundle where the bundle is not the one that was registered, UsageError where `into`
    holds something else.
    """
    known = ledger.read(repo)
    now = known.current(stage)
    return None if now is None else fetch_version(repo, known.find(now.version), into)


def fetch_version(repo: Path, version: Version, into: Path | None = None) -> Champion:
    """As `fetch`, for any version; `into` is `build/champion` in the project unless given."""
    into = into or repo / "build" / "champion"
    if not _holds(into, version):
        _check_replaceable(into)
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=".champion-") as folder:
            part = Path(folder) / "bundle"
            _download(repo, version, part)
            _check(bundles.load(part), version)
            shutil.rmtree(into, ignore_errors=True)
            part.replace(into)
    return Champion(version.version, into, version.commit, bundles.load(into))


def _holds(folder: Path, version: Version) -> bool:
    """Whether an earlier call has brought this very bundle, whole."""
    try:
        return version.bundle_id is not None and bundles.load(folder).id == version.bundle_id
    except NoValidBundle:
        return False


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not (folder / "manifest.json").exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds something that is not a bundle; name another folder.")


def _check(bundle: Bundle, version: Version) -> None:
    if version.bundle_id not in (None, bundle.id):
        raise NoValidBundle(
            f"{version.tag} was registered with bundle {version.bundle_id}, and the dvc.lock of "
            f"its commit leads to {bundle.id}: the tag was moved. Next: git fetch --tags --force"
        )


def _download(repo: Path, version: Version, into: Path) -> None:
    """Read through DVC's own file system, with the remote that is configured today."""
    from dvc.api import DVCFileSystem
    from dvc.repo import Repo

    try:
        with Repo(str(repo)) as today:
            config = {key: today.config[key] for key in ("core", "remote", "cache")}
        files = DVCFileSystem(str(repo), rev=version.commit, config=config)
        files.get(OUTPUT, str(into), recursive=True)
    except Exception as error:  # each kind of remote raises errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreUnreachable(
            f"The model of {version.version} cannot be read: {reason}. It is neither in DVC's "
            f"cache nor in a remote that answers. {_next(version)}"
        ) from error


def _next(version: Version) -> str:
    return (
        "Next: where it was trained, dvc push --all-tags; or build it anew: "
        f"git checkout {version.tag} && dvc repro && git checkout -"
    )
