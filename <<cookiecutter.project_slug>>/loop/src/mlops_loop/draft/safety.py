"""What a person wrote is never overwritten.

A file may be overwritten where git has its content, or where `loop schema` wrote it: then nothing
is lost. What it wrote is in `build/schema/written.json`, as digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlops_loop import git
from mlops_loop.errors import UsageError
from mlops_loop.text import listed

FOLDER = Path("build/schema")
RECORD = FOLDER / "written.json"


def is_safe(path: Path) -> bool:
    """Whether the content of a file can be had again."""
    return _record().get(path.as_posix()) == _digest(path) or _is_committed(path)


def write_all(texts: Mapping[Path, str]) -> list[Path]:
    """Write files; raises UsageError, and writes none, where one has content to lose."""
    refuse(path for path, text in texts.items() if path.exists() and not is_safe(path))
    record = _record()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        record[path.as_posix()] = _digest(path)
    FOLDER.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=2), encoding="utf-8")
    return list(texts)


def refuse(lost: Iterable[Path]) -> None:
    """Raise UsageError where there are such files."""
    if names := [path.as_posix() for path in lost]:
        raise UsageError(
            f"Nothing was written: {listed(names)} has content that git does not have, and it "
            "would be overwritten. Next: git add --all && git commit, or move it away"
        )


def _is_committed(path: Path) -> bool:
    """Whether the current commit has this content."""
    known = git.run(Path(), "ls-files", "--error-unmatch", "--", path.as_posix())
    same = git.run(Path(), "diff", "--quiet", "HEAD", "--", path.as_posix())
    return known.returncode == 0 and same.returncode == 0


def _record() -> dict[str, str]:
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
