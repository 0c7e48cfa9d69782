"""Whether raw rows are read by the code that the model was trained with, or by later code."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlops_loop import git, project
from mlops_loop.errors import ProjectError
from mlops_loop.registry.entries import Entry
from mlops_loop.yaml_text import YAMLError, parse

log = logging.getLogger(__name__)
FILES = ("features.py", "schema.py")


def warn(root: Path, version: Entry | None) -> None:
    """Log a warning where `FILES` differ from those of a version; of none, from dvc.lock."""
    with suppress(ProjectError):  # without a package there are no raw rows
        paths = [f"src/{project.package()}/{name}" for name in FILES]
        if version and _differ(root, version, paths):
            log.warning(
                "features.py or schema.py is not that of %s, and makes its model input of raw "
                "rows. See: git diff '%s' -- src",
                version.version,
                version.tag,
            )
        for path in [] if version else _changed(root, paths):
            log.warning(
                "%s has changed since the model was trained, and makes its model input of raw "
                "rows. Next: make pipeline",
                path,
            )


def _differ(root: Path, version: Entry, paths: list[str]) -> bool:
    return git.run(root, "diff", "--quiet", version.commit, "--", *paths).returncode == 1


def _changed(root: Path, paths: list[str]) -> Iterator[str]:
    """Those of the files whose hash is another one in dvc.lock."""
    try:
        stages = parse((root / "dvc.lock").read_text(encoding="utf-8"))["stages"].values()
        known = {dep["path"]: dep.get("md5") for stage in stages for dep in stage.get("deps", ())}
    except (OSError, YAMLError, LookupError, TypeError, AttributeError):
        return
    for path in paths:
        file = root / path
        if path in known and file.exists() and known[path] != _md5(file):
            yield path


def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
