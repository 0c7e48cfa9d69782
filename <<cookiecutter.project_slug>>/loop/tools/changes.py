"""Tell a workflow whether anything but documents changed since the base of its event.

Only the standard library, so that a change of documents needs no set-up. Writes documents-only=true
or false to GITHUB_OUTPUT. Where the base is unknown (the first push, a forced one), all changed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

DOCUMENTS = {".md", ".txt", ".rst", ".png", ".jpg", ".svg"}
FOLDERS = {"docs", "LICENSE"}


def base_of(event: dict) -> str:
    """The commit that this event's changes are on top of; empty where there is none."""
    found = event.get("pull_request", {}).get("base", {}).get("sha")
    return found or event.get("merge_group", {}).get("base_sha") or event.get("before") or ""


def changed(base: str) -> list[str] | None:
    """Paths that differ between `base` and the commit checked out; None where git cannot tell."""
    command = ["git", "diff", "--name-only", "--no-renames", "-z", f"{base}...HEAD", "--"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    return None if not base or done.returncode else done.stdout.split("\0")[:-1]


def is_document(path: str) -> bool:
    """Whether no job reads the file: text and pictures outside of code, data and workflows."""
    parts = PurePosixPath(path).parts
    outside = len(parts) == 1 and PurePosixPath(path).suffix in DOCUMENTS
    return parts[0] in FOLDERS or outside


def main() -> int:
    """Print what changed, and write the output and the summary of the job."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    paths = changed(base_of(event))
    only = bool(paths) and all(map(is_document, paths))
    unknown = "The base is unknown: all files count as changed."
    print(unknown if paths is None else "\n".join(map(repr, paths)))
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"documents-only={str(only).lower()}\n")
    if only:
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
            summary.write("Only documents changed: there is nothing to train, so no job runs.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
