"""The registry of models: git tags in gto's grammar. No server, no account, no remote.

    model@v1.4.0           a version: the commit from which DVC gets the bundle
    model#production#7     an assignment: from then on this version is in production

An annotation is JSON. A version has `bundle_id`, the gate's `verdict` and `who`; an assignment has
`version`, `previous`, `image_digest`, `attested` (whether the image's signature was verified),
`commit` of main, `why`, `hold` and `who`. `model@v1.4.0!` and `model#production!#8` withdraw what
they name; gto's own command writes these, too.

An assignment is a tag of its version's commit, or of a child of that commit (workflow_files.py). It
counts by the `version` of its annotation; without one, as gto writes it, by its commit.

`fetch` reads it to decide for everybody, `read` to look at it or to judge a model, `local` where no
decision hangs on it. What is pushed is at origin first, and in this clone only then.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_loop import git, workflow_files
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.registry import release_order, verdicts
from mlops_loop.registry import tags as ledger_tags
from mlops_loop.registry.entries import Entry, Ledger
from mlops_loop.registry.history import entry, json_object, local
from mlops_loop.registry.names import Action, is_stage, named, order, parsed
from mlops_loop.registry.tags import Tag

if TYPE_CHECKING:
    from mlops_loop.model.bundle import Bundle

log = logging.getLogger(__name__)


class TagTaken(UsageError):
    """Another run has written a tag of this name: read the ledger again, and choose anew."""


def fetch(repo: Path) -> Ledger:
    """Read the ledger as origin has it; a version that only this clone has may still be pushed.

    Raises StoreUnreachable where origin does not answer, and UsageError where this clone has an
    assignment that origin lacks, or lacks tags and is shallow.
    """
    only_here = ledger_tags.sync(repo)
    if undecided := [tag for tag in only_here if not _registers(tag)]:
        raise UsageError(
            f"{', '.join(undecided)}: only this clone has it, and origin is the ledger. Next: "
            f"git push origin '{undecided[0]}', or git tag --delete '{undecided[0]}'"
        )
    return local(repo)


def _registers(tag: str) -> bool:
    name = parsed(tag)
    return bool(name and name.action is Action.REGISTER)


def read(repo: Path) -> Ledger:
    """Read the ledger as this clone and origin have it together.

    Where origin does not answer, a whole clone is read as it is, with a warning. Warns of tags
    that only this clone has. Raises UsageError for a clone that may lack tags.
    """
    try:
        only_here = ledger_tags.sync(repo)
    except StoreUnreachable as error:
        ledger_tags.check_complete(repo)
        log.warning("What others pushed since the last fetch is unknown here: %s", error)
        return local(repo)
    if only_here:
        log.warning("Only this clone has %s. Next: git push origin --tags", ", ".join(only_here))
    return local(repo)


def register(
    repo: Path, bundle: Bundle, verdict: dict[str, Any], bump: str = "minor", push: bool = False,
    expect: str = "", commit: bool = False,
) -> tuple[Entry, bool]:  # fmt: skip
    """Tag HEAD, whose `dvc.lock` holds `bundle`; return the version, and whether it is new.

    `bump` is major, minor or patch; `expect` is the version that its image was built with, empty
    for any. With `commit`, dvc.lock is committed first, unless the model is refused.

    Raises UsageError where the version is another, where the gate did not let this bundle pass
    or compared it with another champion than production has now, where no committed lock
    holds it, and where git has no identity; TagTaken where another clone has pushed this version.
    """
    entries = fetch(repo) if push else read(repo)
    if known := entries.version_of_bundle(bundle.id):
        release_order.check_expected(expect, known.version)
        if push:
            git.push_tag(repo, known.tag)
        return known, False
    _check_verdict(verdict, bundle.id)
    release_order.check_champion(verdict, None, entries.current())
    version = next_version(entries, bump)
    release_order.check_expected(expect, version)
    if commit:
        commit_lock(repo)
    _check_lock(repo, bundle.folder)
    note = {"bundle_id": bundle.id, "verdict": verdicts.kept(verdict)}
    return _write(repo, entries, "HEAD", note, push, action=Action.REGISTER, version=version), True


def _check_verdict(verdict: dict[str, Any], bundle_id: str) -> None:
    judged, decision = verdict.get("challenger"), verdict.get("decision")
    if (judged, decision) != (bundle_id, "PROMOTE"):
        outcome = f"said {decision} about {judged}" if judged else "has not judged a model yet"
        raise UsageError(f"{bundle_id} needs a PROMOTE, and the gate {outcome}. Next: loop gate")


def _check_lock(repo: Path, folder: Path) -> None:
    if folder_hash(folder) not in git.run(repo, "show", "HEAD:./dvc.lock").stdout:
        raise UsageError(
            f"No committed dvc.lock holds {folder}, so nobody could get this model back. "
            'Next: dvc repro && git add dvc.lock && git commit -m "Train the model"'
        )


def commit_lock(repo: Path) -> bool:
    """Commit the dvc.lock that training wrote; False where HEAD holds it already.

    The version's tag then names a child of main, and nothing is pushed to main.
    """
    git.run(repo, "add", "dvc.lock")
    if not git.run(repo, "diff", "--cached", "--quiet", "--", "dvc.lock").returncode:
        return False
    done = git.run(repo, "commit", "--quiet", "--message", "Lock the model", "--", "dvc.lock")
    if done.returncode:
        raise UsageError(f"git commit: {' '.join(done.stderr.split())}")
    return True


def folder_hash(folder: Path) -> str:
    """What DVC writes to `dvc.lock` for a folder: the md5 of its list of paths and md5s."""
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    md5s = {name: hashlib.md5(files[name].read_bytes()).hexdigest() for name in sorted(files)}
    index = [{"md5": md5, "relpath": name} for name, md5 in md5s.items()]
    return hashlib.md5(json.dumps(index).encode()).hexdigest() + ".dir"


def next_version(entries: Ledger, bump: str = "minor") -> str:
    """The greatest version, raised; the name of a withdrawn version is not used again."""
    names = filter(None, map(parsed, entries.names))
    used = [order(name.version) for name in names if name.version]
    return f"v{getattr(max(used), f'bump_{bump}')()}" if used else "v1.0.0"


def assign(
    repo: Path,
    version: str,
    stage: str = "production",
    *,
    why: str,
    image: str | None = None,
    hold: bool | None = None,
    commit: str = "",
    attested: bool = False,
    push: bool = False,
    seen: Ledger | None = None,
) -> tuple[Entry, bool]:
    """Put a registered version into `stage`; return what holds it now, and whether that is new.

    `image` is the digest of its container, `commit` the one that it was built from; by default
    those that it last ran with there. `attested`: its signature was verified (and is remembered).
    `hold` (a rollback) refuses all later assignments but other rollbacks, until one lifts it
    with False. Nothing is written where all of these stay. With `push`, the version's
    tag is pushed as well. `seen` is the ledger by which the caller chose. Raises UsageError;
    TagTaken where another run was faster, also since `seen`.
    """
    _check_names(stage, image)
    ledger = fetch(repo) if push else read(repo)
    chosen, now = ledger.find(version), ledger.current(stage)
    if seen and seen.current(stage) != now:
        raise TagTaken(f"Another run has changed {stage}. Next: the same command again")
    again = now is not None and now.version == chosen.version
    last = next((run.note for run in reversed(ledger.runs(chosen.version, stage))), {})
    digest = image or last.get("image_digest")
    known = bool(digest and ledger.attested(digest))
    same = again and now and digest == now.image_digest and (known or not attested)
    if now and same and hold in (None, now.held):
        return now, False
    if now and now.held and hold is None:
        raise _refused_by_hold(now, chosen)
    note = {
        "version": chosen.version,
        "previous": last.get("previous") if again else now and now.version,
        "image_digest": digest,
        "attested": known or attested,
        "commit": commit or last.get("commit"),
        "why": why,
        "hold": bool(hold),
    }
    name = {"action": Action.ASSIGN, "stage": stage}
    return _write(repo, ledger, chosen.commit, note, push, chosen.tag, **name), True


def _refused_by_hold(now: Entry, chosen: Entry) -> UsageError:
    return UsageError(
        f"{now.version} is held in {now.stage} by {now.note['who']}: {now.note['why']!r}. Next: "
        f"loop registry assign {chosen.version} --stage {now.stage} --lift-hold --why REASON"
    )


def _check_names(stage: str, image: str | None) -> None:
    if not is_stage(stage):
        raise UsageError(f"{stage!r} is not a stage: use letters, digits, - and _.")
    if image and not re.fullmatch(r"\S*sha256:[0-9a-f]{64}", image):
        raise UsageError(f"{image!r} may move: name an image by its digest, sha256:<64 digits>.")


def unassign(repo: Path, assignment: Entry, why: str) -> str:
    """Withdraw an assignment at origin, so that its stage holds nothing; the name of the new tag.

    Raises TagTaken where another run was faster.
    """
    name = {"action": Action.UNASSIGN, "stage": assignment.stage}
    note = {"why": why, "assignment": assignment.tag}
    return _write(repo, local(repo), assignment.commit, note, True, **name).tag


def _write(
    repo: Path, entries: Ledger, commit: str, note: dict[str, Any], push: bool, *others: str,
    **name: Any,
) -> Entry:  # fmt: skip
    """Write a tag that is later than all of `entries`: gto sorts tags by time, clocks can be wrong.

    Returns it as an entry. With `push`, it is pushed together with `others`, or is not left here;
    then it may be of a child of `commit`. Raises TagTaken where a tag of this name exists already.
    """
    text = json.dumps({**note, "who": git.identity(repo)}, indent=2, ensure_ascii=False)
    tag = _name(entries, **name)
    if git.tags(repo, [tag]):
        raise TagTaken(f"{tag} already exists. If another run was faster, run this again.")
    commit = workflow_files.pushable(repo, commit) if push else commit
    seconds = max(int(time.time()), entries.newest + 1)
    made = git.make_tag(repo, tag, commit, text, f"@{seconds} +0000")
    kept = git.publish_tag(repo, tag, made, *others) if push else git.add_tag(repo, tag, made)
    if not kept:
        raise TagTaken(f"Another clone or run has made another {tag}. Next: the same command again")
    stage, version = name.get("stage"), name.get("version") or note.get("version", "")
    written = Tag(tag, True, git.tagged_commit(repo, tag), "", seconds, text)
    return entry(written, json_object(text), version, stage)


def _name(entries: Ledger, action: Action, **name: Any) -> str:
    """The name of the next tag of an action; all but versions are numbered, as gto does."""
    tag = named(action, **name)
    if action is Action.REGISTER:
        return tag
    numbers = (known.counter for known in map(parsed, entries.names) if known)
    return f"{tag}#{1 + max(numbers, default=0)}"
