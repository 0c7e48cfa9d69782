"""Tell a workflow what changed since the base of its event, so that it runs only what is needed.

With --since-release the base is the newest commit of main that was ever put into production:
GitHub drops a waiting release for a newer one, and a release may have failed, so the commit before
this one says nothing about what is released.

Writes two outputs to GITHUB_OUTPUT, each `true` or `false`:

    documents-only    only text and pictures changed that no job reads; with --since-release also
                      notebooks, which the tests of a pull request run and no image holds
    loop-changed      the loop's own code changed, or something that its tests use

Only the standard library, so that this needs no environment. Where the base is unknown (the first
push, a forced push, a dispatch), everything counts as changed.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

DOCUMENTS = {".md", ".txt", ".rst", ".png", ".jpg", ".svg"}
DOCUMENT_FOLDERS = ("docs/", "loop/docs/")
DOCUMENT_FILES = {"LICENSE", "loop/README.md"}
NOTEBOOKS = "notebooks/"
LOOP_FILES = {"pyproject.toml", "uv.lock"}


def base_of(event: dict) -> str:
    """The commit on which this event's changes are based; empty where there is none."""
    base = event.get("pull_request", {}).get("base", {}).get("sha")
    return base or event.get("merge_group", {}).get("base_sha") or event.get("before") or ""


def git(*args: str) -> subprocess.CompletedProcess[str]:
    """Run `git ARGS` in this folder; the caller looks at the exit code."""
    command = ["git", *args]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")


def released() -> str:
    """The newest commit of main among the assignments to production; empty where there is none."""
    tags = git("for-each-ref", "--format=%(contents)%00", "refs/tags/model#production#*")
    commits = {commit_of(note) for note in tags.stdout.split("\0")} - {""}
    known = [c for c in sorted(commits) if not git("cat-file", "-e", f"{c}^{{commit}}").returncode]
    newest = git("merge-base", "--independent", *known).stdout.split() if known else []
    return newest[0] if newest else ""


def commit_of(note: str) -> str:
    """The commit of main that the annotation of an assignment names; empty where it names none."""
    try:
        facts, _ = json.JSONDecoder().raw_decode(note.strip())
    except ValueError:
        return ""
    commit = facts.get("commit") if isinstance(facts, dict) else None
    return commit if isinstance(commit, str) and re.fullmatch("[0-9a-f]{40,64}", commit) else ""


def changed(base: str) -> list[str] | None:
    """Paths that differ between `base` and the commit checked out; None where git cannot tell."""
    done = git("diff", "--name-only", "--no-renames", "-z", f"{base}...HEAD", "--")
    return None if not base or done.returncode else done.stdout.split("\0")[:-1]


def is_document(path: str) -> bool:
    """Whether no job reads the file: text and pictures outside of code, data and workflows."""
    at_the_top = "/" not in path and PurePosixPath(path).suffix in DOCUMENTS
    return at_the_top or path in DOCUMENT_FILES or path.startswith(DOCUMENT_FOLDERS)


def affects_loop(path: str) -> bool:
    """Whether the loop's tests depend on the file: its folder, Python code, the environment."""
    return path.startswith("loop/") or path.endswith(".py") or path in LOOP_FILES


def outputs(paths: list[str] | None, to_release: bool) -> dict[str, bool]:
    """The outputs for the changed paths; None for unknown ones. No path at all is no document."""
    if paths is None:
        return {"documents-only": False, "loop-changed": True}
    code = [path for path in paths if not (to_release and path.startswith(NOTEBOOKS))]
    only_documents = bool(paths) and all(map(is_document, code))
    return {
        "documents-only": only_documents,
        "loop-changed": not only_documents and any(map(affects_loop, paths)),
    }


def main() -> int:
    """Print what changed, and write the outputs and the summary of the job."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    to_release = "--since-release" in sys.argv[1:]
    paths = changed(released() if to_release else base_of(event))
    unknown = "The base is unknown: all files count as changed."
    print(unknown if paths is None else "\n".join(map(repr, paths)))
    facts = outputs(paths, to_release)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.writelines(f"{name}={str(value).lower()}\n" for name, value in facts.items())
    if facts["documents-only"]:
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
            summary.write("Only documents changed: there is nothing to train, so no job runs.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
