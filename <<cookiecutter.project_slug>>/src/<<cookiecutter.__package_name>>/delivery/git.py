"""Plain git, for what gto's library does not do: no shell, English answers, no prompts.

gto writes tags through dulwich, which overwrites a tag of the same name, invents an identity
where none is set, and cannot be told the time. So names and history are gto's, the writing of
a tag is git's.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ..errors import UsageError

FIRST_COMMIT = 'git add . && git commit -m "First commit"'
IDENTITY = 'git config user.name "YOUR NAME" && git config user.email YOU@EXAMPLE.ORG'


def run(
    repo: Path, *args: str, text: str | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `git ARGS` in `repo` with `text` on its input; look at `returncode` yourself.

    Raises UsageError where git is not installed or the folder does not exist.
    """
    quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(
            ["git", *args],
            cwd=repo,
            env={**os.environ, **quiet, **(env or {})},
            input="" if text is None else text,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except NotADirectoryError as error:
        raise UsageError(f"{repo} is not a folder.") from error
    except FileNotFoundError as error:
        what = "git is not installed." if repo.is_dir() else f"There is no folder {repo}."
        raise UsageError(what) from error


def check_repository(repo: Path) -> None:
    """Raise UsageError unless `repo` is in a git repository whose tags can be trusted.

    A shallow clone without tags would say that nothing is in production, whatever is.
    """
    found = run(repo, "rev-parse", "--is-shallow-repository")
    if found.returncode:
        if "not a git repository" in found.stderr:
            raise UsageError(
                f"{repo.resolve()} is not in a git repository, and versions are git tags. "
                f"Next: git init && {FIRST_COMMIT}"
            )
        raise UsageError(f"git cannot read {repo.resolve()}: {found.stderr.strip()}")
    if found.stdout.strip() == "true" and not run(repo, "tag", "--list").stdout:
        raise UsageError(
            "This clone is shallow and holds no tags, so it cannot tell what is in production. "
            "Next: git fetch --tags --unshallow (in a workflow: checkout with fetch-depth: 0)"
        )


def commit_of(repo: Path, revision: str) -> str:
    """The full hash of the commit that `revision` names; raises UsageError."""
    found = run(
        repo, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"
    )
    if not found.returncode:
        return found.stdout.strip()
    if revision == "HEAD":
        raise UsageError(
            f"This repository has no commit yet, and a version is a commit. Next: {FIRST_COMMIT}"
        )
    raise UsageError(f"{revision!r} is no commit of this repository. Next: git log --oneline --all")


def identity(repo: Path) -> str:
    """Name of the person or bot that git would write; raises UsageError where none is set."""
    found = run(repo, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    if found.returncode:
        raise UsageError(
            f"git does not know who you are, and a tag says who made it. Next: {IDENTITY}"
        )
    return found.stdout.partition(" <")[0].strip()


def text_at(repo: Path, revision: str, path: str) -> str | None:
    """A file's text at a commit, by its path from `repo`; None where the commit has none."""
    found = run(repo, "show", "--end-of-options", f"{revision}:./{path}")
    return None if found.returncode else found.stdout


def write_tag(repo: Path, name: str, commit: str, message: str, at: int) -> None:
    """Make an annotated tag dated `at` (seconds since 1970); never overwrites one.

    Raises UsageError where git has no identity, and where the tag exists.
    """
    identity(repo)
    made = run(
        repo,
        *("tag", "--annotate", "--cleanup=verbatim", "--file=-", "--", name, commit),
        text=message,
        env={"GIT_COMMITTER_DATE": f"@{at} +0000"},
    )
    if made.returncode:
        raise UsageError(
            f"git could not write the tag {name}: {made.stderr.strip().removeprefix('fatal: ')}. "
            "If another run was faster, run this again."
        )


def has_remote(repo: Path) -> bool:
    return bool(run(repo, "remote").stdout.strip())
