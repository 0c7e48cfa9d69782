"""Where drafts are written: into a folder to look at, or in place."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mlops_loop.draft.drafting import Draft
from mlops_loop.draft.neighbours import strangers
from mlops_loop.draft.safety import refuse, write_all
from mlops_loop.draft.table import RAW


@dataclass(frozen=True)
class Placed:
    """Files that were written, and files of another table that were removed."""

    written: list[Path]
    removed: list[Path]


def write(draft: Draft, folder: Path) -> Placed:
    """Write the drafts into a folder; raises UsageError where one was edited since."""
    return Placed(write_all({folder / path.name: text for path, text in draft.files.items()}), [])


def replace(draft: Draft) -> Placed:
    """Put the drafts and the table in place, and remove the files of another table.

    Raises UsageError where something would be lost.
    """
    removed = strangers(draft.table)
    copies = {RAW / path.name: path for path in draft.table.files if draft.table.copies}
    refuse(path for path, own in copies.items() if path.exists() and not _same(path, own))
    written = write_all(draft.files)
    for path in removed:
        path.unlink()
    for target, path in copies.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return Placed([*written, *copies], removed)


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()
