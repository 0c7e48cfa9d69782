"""Copy files from the run's folder of artifacts, with the rules of actions/download-artifact."""

import os
import re
import shutil
import sys
from fnmatch import fnmatchcase
from pathlib import Path


def alternatives(pattern: str) -> list[str]:
    """Spell out {a,b}, which minimatch knows and fnmatch does not."""
    if braces := re.search(r"\{([^{}]*)\}", pattern):
        words = braces[1].split(",")
        return [pattern[: braces.start()] + word + pattern[braces.end() :] for word in words]
    return [pattern]


name, pattern = os.environ["NAME"], os.environ["PATTERN"]
stored = sorted(Path(os.environ["RIG_ARTIFACTS"]).iterdir())
chosen = [
    folder for folder in stored
    if (folder.name == name if name else
        any(fnmatchcase(folder.name, each) for each in alternatives(pattern)))
]  # fmt: skip
if name and not chosen:
    sys.exit(f"Unable to download artifact(s): Artifact not found for name: {name}")
for folder in chosen:
    alone = name or os.environ["MERGE"] == "true"
    shutil.copytree(
        folder, Path(os.environ["TARGET"]) / ("" if alone else folder.name), dirs_exist_ok=True
    )
    print(f"downloaded {folder.name}")
