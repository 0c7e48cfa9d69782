"""Is the bundle on disk the one that a commit's `dvc.lock` promises?

A version is a commit from which anyone gets the model back, so its lock must be true.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml

from ..errors import UsageError
from . import git

OUTPUT = "models/bundle"


def check(repo: Path, folder: Path, revision: str = "HEAD") -> None:
    """Raise UsageError unless the lock of `revision` holds the bundle in `folder`."""
    here = folder_hash(folder)
    committed = locked_hash(git.text_at(repo, revision, "dvc.lock"))
    if committed == here:
        return
    path = repo / "dvc.lock"
    disk = locked_hash(path.read_text(encoding="utf-8")) if path.exists() else None
    where = f"The dvc.lock of {revision} holds {_said(committed)}, and {folder} is {here}"
    if disk == here:
        raise UsageError(
            f"{where}: dvc.lock is not committed yet, so nobody could get this model back. "
            'Next: git add dvc.lock && git commit -m "Train the model"'
        )
    raise UsageError(
        f"{where}: it was not made by the last run of the pipeline. Next: "
        'dvc repro && git add dvc.lock && git commit -m "Train the model"'
    )


def _said(value: str | None) -> str:
    return value or f"no {OUTPUT}"


def locked_hash(text: str | None) -> str | None:
    """DVC's hash of the bundle in the text of a `dvc.lock`; None where it holds none.

    Raises UsageError where the text is not a lock, as with an unresolved merge.
    """
    try:
        stages = (yaml.safe_load(text or "") or {}).get("stages", {})
        outputs = [out for stage in stages.values() for out in stage.get("outs", ())]
        return next((out.get("md5") for out in outputs if out.get("path") == OUTPUT), None)
    except (yaml.YAMLError, AttributeError) as error:
        raise UsageError(f"dvc.lock cannot be read: {error}. Next: dvc repro") from error


def folder_hash(folder: Path) -> str:
    """What DVC writes to `dvc.lock` for a folder: the md5 of its list of paths and md5s."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [{"md5": _md5(path), "relpath": path.relative_to(folder).as_posix()} for path in files]
    listed.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
