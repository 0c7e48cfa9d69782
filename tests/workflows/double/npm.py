"""Packages of npm, installed once as a package-lock.json says; by default what GitHub publishes."""

import shutil
from functools import cache
from hashlib import file_digest
from pathlib import Path

from conftest import ROOT, check, locked, require_tool

HERE = Path(__file__).parents[1]


@cache
def modules(package: Path = HERE) -> Path:
    """Return the folder node_modules; skip the test where npm is missing and it is needed."""
    with (package / "package-lock.json").open("rb") as lock:
        version = file_digest(lock, "sha256").hexdigest()[:12]
    folder = ROOT / ".venv" / "node" / version
    if not (folder / "ready").exists():
        npm = require_tool("npm")
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_suffix(".lock")):
            if not (folder / "ready").exists():
                for name in ("package.json", "package-lock.json"):
                    shutil.copy(package / name, folder)
                quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
                check(npm, "ci", *quiet, cwd=folder)
                (folder / "ready").touch()
    return folder / "node_modules"
