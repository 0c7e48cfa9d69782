"""The tags of the ledger, as this clone and origin have them.

Only names in gto's grammar that belong to the artifact `model` count: other tools and other
artifacts may have tags beside them. With an origin, origin is the ledger. Every command that reads
it asks origin for its list of tags, and fetches what this clone lacks. A shallow clone is not
filled up but refused: it also lacks the history that says which of two commits is older.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mlops_loop import git
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.registry.names import MODEL, parsed

PATTERNS = (f"{MODEL}@*", f"{MODEL}#*")
WHOLE = "Next: git fetch --tags --unshallow (in a workflow: checkout with fetch-depth: 0)"
FIELDS = ("refname", "objecttype", "object", "taggername", "taggerdate:unix", "contents")


class Tag(NamedTuple):
    """A tag of this clone: `target` is the object that it names, `text` its annotation.

    time: when it was made, in seconds since 1970. A lightweight tag has no more than its name.
    """

    name: str
    annotated: bool
    target: str
    tagger: str
    time: int
    text: str


def read(repo: Path) -> list[Tag]:
    """All tags of the artifact in this clone, sorted by name, by one call of git.

    Raises UsageError where git cannot read them.
    """
    pattern = "".join(f"%({name})%00" for name in FIELDS)
    rows = (row.split("\0") for row in _for_each(repo, pattern).split("\0\n")[:-1])
    tags = (
        Tag(ref.removeprefix("refs/tags/"), kind == "tag", target, who, int(when or 0), text)
        for ref, kind, target, who, when, text in rows
    )
    return [tag for tag in tags if parsed(tag.name)]


def _for_each(repo: Path, pattern: str) -> str:
    refs = [f"refs/tags/{name}" for name in PATTERNS]
    done = git.run(repo, "for-each-ref", f"--format={pattern}", *refs)
    if done.returncode:
        raise UsageError(f"git for-each-ref: {done.stderr.strip()}. Next: git fsck")
    return done.stdout


def sync(repo: Path) -> list[str]:
    """Fetch the tags that this clone lacks; return those that origin lacks, [] without an origin.

    Raises UsageError for a clone that is shallow and lacks tags, for a tag that origin has with
    another content, and for tags of another repository; StoreUnreachable where origin does not
    answer.
    """
    git.check_repository(repo)
    if not git.has_origin(repo):
        _check_whole(repo, "This clone is shallow and has no remote origin")
        return []
    origin, here = _own(git.origin_tags(repo, PATTERNS)), _own(git.tags(repo, PATTERNS))
    if other := [tag for tag in origin.keys() & here.keys() if origin[tag] != here[tag]]:
        raise UsageError(
            f"{_names(other)} of this clone is not origin's: it was made in another clone, too, "
            f"or moved. Origin is the ledger. Next: git tag --delete '{min(other)}', then the same "
            "command again"
        )
    if missing := origin.keys() - here.keys():
        _check_whole(repo, f"This clone is shallow and lacks tags of origin: {_names(missing)}")
        git.fetch_tags(repo, PATTERNS)
    only_here = sorted(here.keys() - origin.keys())
    _check_lineage(repo, only_here, origin.keys())
    return only_here


def _own(tags: dict[str, str]) -> dict[str, str]:
    """Those whose names belong to the artifact `model`."""
    return {tag: made for tag, made in tags.items() if parsed(tag)}


def _check_lineage(repo: Path, only_here: list[str], origin: Iterable[str]) -> None:
    """Raise UsageError for tags that came from another repository, as a fork's or a template's.

    Nobody registers or assigns a commit that no branch leads to, unless origin has tagged it.
    """
    commits = _commits(repo, only_here)
    off = _without_branch(repo, set(commits.values()))
    stray = [tag for tag in only_here if commits[tag] in off]
    known = set(_commits(repo, origin).values()) if stray else set()
    foreign = [tag for tag in stray if commits[tag] not in known]
    if foreign:
        listed = " ".join(f"'{tag}'" for tag in foreign)
        raise UsageError(
            f"{_names(foreign)}: only this clone has it, and no branch of it or of origin leads to "
            "its commit, so it was fetched from another repository, as a fork has one. Next: "
            f"git tag --delete {listed}, or, where it is this project's: git push origin {listed}"
        )


def _commits(repo: Path, tags: Iterable[str]) -> dict[str, str]:
    """The commit that each tag leads to, empty where this clone lacks it; by one call of git."""
    names = list(tags)
    asked = "".join(f"refs/tags/{name}^{{commit}}\n" for name in names)
    answers = git.run(repo, "cat-file", "--batch-check", text=asked).stdout.splitlines()
    found = ("" if line.endswith(" missing") else line.partition(" ")[0] for line in answers)
    return dict(zip(names, found, strict=True))


def _without_branch(repo: Path, commits: Iterable[str]) -> set[str]:
    """Those commits that no branch of this clone or of origin, and not HEAD, leads to."""
    wanted = set(commits)
    known = "".join(f"{commit}\n" for commit in wanted if commit)
    head = [] if git.run(repo, "rev-parse", "--quiet", "--verify", "HEAD").returncode else ["HEAD"]
    call = ("rev-list", "--stdin", "--not", *head, "--branches", "--remotes=origin")
    listed = set(git.run(repo, *call, text=known).stdout.split()) if known else set()
    return wanted & (listed | {""})


def has_versions(repo: Path) -> bool:
    """Whether a version was ever registered, here or at origin; True where origin is silent.

    It needs no history, so that a shallow clone may ask. False in an image that trains: it has no
    repository, and so no ledger.
    """
    if not (repo / ".git").exists():
        return False
    versions = [f"{MODEL}@*"]
    try:
        return bool(
            _own(git.tags(repo, versions))
            or (git.has_origin(repo) and _own(git.origin_tags(repo, versions)))
        )
    except StoreUnreachable:
        return True


def image_digests(repo: Path) -> set[str]:
    """Every image that an annotation of the ledger names, also of what was withdrawn since.

    Raises UsageError where git cannot read the tags.
    """
    return set(re.findall(r"sha256:[0-9a-f]{64}", _for_each(repo, "%(contents)")))


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
