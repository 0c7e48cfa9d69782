"""Tell a workflow what changed since the base of its event, so that it runs only what is needed.

Writes two outputs to GITHUB_OUTPUT, each `true` or `false`:

    documents-only    only text and pictures changed that no job reads
    loop-changed      the loop's own code changed, or something that its tests use

Only the standard library, so that this needs no environment. Where the base is unknown (the first
push, a forced push, a dispatch), everything counts as changed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

DOCUMENTS = {".md", ".txt", ".rst", ".png", ".jpg", ".svg"}
DOCUMENT_FOLDERS = ("docs/", "loop/docs/")
DOCUMENT_FILES = {"LICENSE", "loop/README.md"}
LOOP_FILES = {"pyproject.toml", "uv.lock"}


def base_of(event: dict) -> str:
    """The commit on which this event's changes are based; empty where there is none."""
    base = event.get("pull_request", {}).get("base", {}).get("sha")
    return base or event.get("merge_group", {}).get("base_sha") or event.get("before") or ""


def changed(base: str) -> list[str] | None:
    """Paths that differ between `base` and the commit checked out; None where git cannot tell."""
    command = ["git", "diff", "--name-only", "--no-renames", "-z", f"{base}...HEAD", "--"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    return None if not base or done.returncode else done.stdout.split("\0")[:-1]


def is_document(path: str) -> bool:
    """Whether no job reads the file: text and pictures outside of code, data and workflows."""
    at_the_top = "/" not in path and PurePosixPath(path).suffix in DOCUMENTS
    return at_the_top or path in DOCUMENT_FILES or path.startswith(DOCUMENT_FOLDERS)


def affects_loop(path: str) -> bool:
    """Whether the loop's tests depend on the file: its folder, Python code, the environment."""
    return path.startswith("loop/") or path.endswith(".py") or path in LOOP_FILES


def outputs(paths: list[str] | None) -> dict[str, bool]:
    """The outputs for the changed paths; None for unknown ones. No path at all is no document."""
    if paths is None:
        return {"documents-only": False, "loop-changed": True}
    only_documents = bool(paths) and all(map(is_document, paths))
    return {
        "documents-only": only_documents,
        "loop-changed": not only_documents and any(map(affects_loop, paths)),
    }


def main() -> int:
    """Print what changed, and write the outputs and the summary of the job."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    paths = changed(base_of(event))
    unknown = "The base is unknown: all files count as changed."
    print(unknown if paths is None else "\n".join(map(repr, paths)))
    facts = outputs(paths)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.writelines(f"{name}={str(value).lower()}\n" for name, value in facts.items())
    if facts["documents-only"]:
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
            summary.write("Only documents changed: there is nothing to train, so no job runs.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
