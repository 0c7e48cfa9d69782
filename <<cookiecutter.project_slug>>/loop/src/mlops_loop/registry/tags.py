"""The tags of the ledger, as this clone and origin have them.

With an origin, origin is the ledger. Every command that reads it asks origin for its list of tags,
and fetches what this clone lacks. A shallow clone is not filled up but refused: it also lacks the
history that says which of two commits is older.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mlops_loop import git
from mlops_loop.errors import StoreUnreachable, UsageError

MODEL = "model"
PATTERNS = (f"{MODEL}@*", f"{MODEL}#*")
WHOLE = "Next: git fetch --tags --unshallow (in a workflow: checkout with fetch-depth: 0)"


def sync(repo: Path) -> list[str]:
    """Fetch the tags that this clone lacks; return those that origin lacks, [] without an origin.

    Raises UsageError for a clone that is shallow and lacks tags, and for a tag that origin has
    with another content; StoreUnreachable where origin does not answer.
    """
    git.check_repository(repo)
    if not git.has_origin(repo):
        _check_whole(repo, "This clone is shallow and has no remote origin")
        return []
    origin, here = git.origin_tags(repo, PATTERNS), git.tags(repo, PATTERNS)
    if other := [tag for tag in origin.keys() & here.keys() if origin[tag] != here[tag]]:
        raise UsageError(
            f"{_names(other)} of this clone is not origin's: it was made in another clone, too, "
            f"or moved. Origin is the ledger. Next: git tag --delete '{min(other)}', then the same "
            "command again"
        )
    if missing := origin.keys() - here.keys():
        _check_whole(repo, f"This clone is shallow and lacks tags of origin: {_names(missing)}")
        git.fetch_tags(repo, PATTERNS)
    return sorted(here.keys() - origin.keys())


def has_versions(repo: Path) -> bool:
    """Whether a version was ever registered, here or at origin; True where origin is silent.

    It needs no history, so that a shallow clone may ask.
    """
    versions = [f"{MODEL}@*"]
    try:
        return bool(
            git.tags(repo, versions) or (git.has_origin(repo) and git.origin_tags(repo, versions))
        )
    except StoreUnreachable:
        return True


def image_digests(repo: Path) -> set[str]:
    """Every image that an annotation of the ledger names, also of what was withdrawn since.

    Raises UsageError where git cannot read the tags.
    """
    refs = [f"refs/tags/{pattern}" for pattern in PATTERNS]
    done = git.run(repo, "for-each-ref", "--format=%(contents)", *refs)
    if done.returncode:
        raise UsageError(f"git for-each-ref: {done.stderr.strip()}. Next: git fsck")
    return set(re.findall(r"sha256:[0-9a-f]{64}", done.stdout))


def check_complete(repo: Path) -> None:
    """Raise UsageError for a clone that may lack tags: it is of no use while origin is silent."""
    _check_whole(repo, "This clone is shallow and origin does not answer")
    if git.follows_no_tags(repo):
        raise UsageError(
            "This clone was made without tags and origin does not answer, so it cannot tell what "
            "is in production. Next: git fetch --tags"
        )


def _check_whole(repo: Path, problem: str) -> None:
    if git.is_shallow(repo):
        raise UsageError(f"{problem}, so it cannot tell what is in production. {WHOLE}")


def _names(tags: Iterable[str]) -> str:
    found = sorted(tags)
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if found[3:] else "")
