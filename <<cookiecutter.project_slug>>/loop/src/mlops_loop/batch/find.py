"""The model to predict with: a bundle by its folder, or a version by its name in the registry."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from mlops_loop import paths, project
from mlops_loop.batch import same_code
from mlops_loop.batch.table_model import TableModel
from mlops_loop.errors import NoValidBundle, ProjectError, UsageError
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry import champion, ledger
from mlops_loop.registry.entries import Entry

UNREGISTERED = "unregistered"
NAMES = re.compile(r"production|previous|latest|(model@)?v\d+\.\d+\.\d+\S*")


def load(which: str | Path = paths.BUNDLE) -> TableModel:
    """The model of a bundle's folder, or of a version of the registry.

    which: "v1.0.0", "production", "previous", "latest", or the path of a bundle's folder, relative
    to this folder or to the project's root. Raises UsageError for a version that is not registered,
    NoValidBundle, and StoreUnreachable where a version cannot be fetched.
    """
    root = project.find_root()
    if isinstance(which, str) and NAMES.fullmatch(which):
        return _version(root, which)
    folder = next((path for path in (Path(which), root / which) if path.exists()), root / which)
    found = bundles.load(folder)
    entry = _registered(root, found)
    same_code.warn(root, entry)
    return _ready(TableModel(found, entry.version if entry else UNREGISTERED))


def _version(root: Path, name: str) -> TableModel:
    if not (root / ".git").exists():
        raise UsageError(f"{root} is no git repository, so it has no version {name!r}.")
    entries = ledger.read(root)
    if name == "production" and entries.current() is None:
        raise UsageError(
            "No version is in production. Next: loop registry assign latest --why REASON, or name "
            "a version of loop registry list"
        )
    entry = entries.named(name)
    same_code.warn(root, entry)
    return _ready(TableModel(_fetched(root, entry), entry.version))


def _fetched(root: Path, entry: Entry) -> Bundle:
    """The bundle of a version, from the last time where it is still whole."""
    folder = root / paths.VERSIONS / entry.version
    with suppress(NoValidBundle):
        found = bundles.load(folder)
        if found.id == entry.bundle_id:
            return found
    return champion.fetch_version(root, entry, folder)


def _registered(root: Path, bundle: Bundle) -> Entry | None:
    """The version that holds a bundle; None where this clone knows none."""
    if not (root / ".git").exists():
        return None
    with suppress(ProjectError):
        return ledger.local(root).version_of_bundle(bundle.id)
    return None


def _ready(model: TableModel) -> TableModel:
    """The model, which reads its file now and not at the first prediction."""
    _ = model.bundle.predictor
    return model
