"""The registry of models: git tags in gto's grammar. No server, no account, no remote.

    model@v1.4.0           a version: the commit from which DVC gets the bundle
    model#production#7     an assignment: from then on this version is in production

An annotation is JSON. A version has `bundle_id`, the gate's `verdict` and `who`; an assignment has
`previous`, `image_digest`, `commit` of main, `why`, `hold` and `who`. `model@v1.4.0!` and
`model#production!#8` withdraw what they name; gto's own command writes these.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gto.constants import Action, check_string_is_valid
from gto.tag import GitTag, find, name_tag, parse_name
from gto.versions import SemVer
from scmrepo.git import Git

from mlops_loop import git
from mlops_loop.errors import UsageError
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry.entries import Entry, Ledger

MODEL = "model"


def fetch(repo: Path) -> Ledger:
    """Read the ledger as origin has it; raises StoreUnreachable where origin does not answer."""
    git.check_repository(repo)
    git.fetch_tags(repo, f"{MODEL}*")
    return read(repo)


def read(repo: Path) -> Ledger:
    """Read all tags of the model; raises UsageError where they cannot be trusted."""
    git.check_repository(repo)
    with closing(Git(str(repo))) as scm:
        tags = find(name=MODEL, scm=scm)
    versions: dict[str, Entry] = {}
    assignments: list[Entry] = []
    for tag in sorted(tags, key=lambda tag: parse_name(tag.name).get("counter", 0)):
        name = parse_name(tag.name)
        action, stage = name["action"], name.get("stage")
        if action is Action.REGISTER:
            versions[tag.target] = _entry(tag, name["version"])
        elif action is Action.DEREGISTER:
            versions.pop(tag.target, None)
        elif action is Action.ASSIGN and tag.target in versions:
            assignments.append(_entry(tag, versions[tag.target].version, stage))
        elif action is Action.UNASSIGN:
            assignments = [a for a in assignments if (a.stage, a.commit) != (stage, tag.target)]
    return Ledger(sorted(versions.values(), key=lambda v: SemVer(v.version)), assignments)


def _entry(tag: GitTag, version: str, stage: str | None = None) -> Entry:
    when = f"{datetime.fromtimestamp(tag.tag_time, UTC):%Y-%m-%dT%H:%M:%SZ}"
    note = json_object(tag.message) or {"who": tag.tagger_name, "why": tag.message.strip()}
    return Entry(tag.name, version, stage, tag.target, when, note)


def json_object(text: str) -> dict[str, Any]:
    """The JSON object at the start of a text (a signature may follow); {} where there is none."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text.strip())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def register(
    repo: Path, bundle: Bundle, verdict: dict[str, Any], bump: str = "minor"
) -> tuple[Entry, bool]:
    """Tag HEAD, whose `dvc.lock` holds `bundle`; return the version, and whether it is new.

    `bump` is major, minor or patch. Raises UsageError where the gate did not let this bundle
    pass, where no committed lock holds it, and where git has no identity.
    """
    if known := read(repo).version_of_bundle(bundle.id):
        return known, False
    _check_verdict(verdict, bundle.id)
    _check_lock(repo, bundle.folder)
    version = next_version(repo, bump)
    note = {"bundle_id": bundle.id, "verdict": verdict}
    _write(repo, "HEAD", note, action=Action.REGISTER, version=version, simple=True)
    return read(repo).find(version), True


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


def next_version(repo: Path, bump: str = "minor") -> str:
    """The greatest version, raised; the name of a withdrawn version is not used again."""
    with closing(Git(str(repo))) as scm:
        tags = [parse_name(name, raise_on_fail=False) for name in scm.list_tags()]
    used = [SemVer(tag["version"]) for tag in tags if tag.get("name") == MODEL and "version" in tag]
    return max(used).bump(**{f"bump_{bump}": True}).version if used else "v1.0.0"


def assign(
    repo: Path,
    version: str,
    stage: str = "production",
    *,
    why: str,
    image: str | None = None,
    hold: bool | None = None,
    commit: str = "",
) -> tuple[Entry, bool]:
    """Put a registered version into `stage`; return what holds it now, and whether that is new.

    `image` is the digest of its container, `commit` the one that it was built from; by default
    those that it last ran with there.
    `hold` (a rollback) refuses all later assignments but other rollbacks, until one lifts it
    with False. Nothing is written where version, image and hold stay. Raises UsageError.
    """
    _check_names(stage, image)
    ledger = read(repo)
    chosen, now = ledger.find(version), ledger.current(stage)
    again = now is not None and now.version == chosen.version
    if now and again and hold in (None, now.held) and image in (None, now.image_digest):
        return now, False
    if now and now.held and hold is None:
        raise _refused_by_hold(now, chosen)
    last = next((run.note for run in reversed(ledger.runs(chosen.version, stage))), {})
    note = {
        "previous": last.get("previous") if again else now and now.version,
        "image_digest": image or last.get("image_digest"),
        "commit": commit or last.get("commit"),
        "why": why,
        "hold": bool(hold),
    }
    _write(repo, chosen.commit, note, action=Action.ASSIGN, stage=stage)
    return read(repo).stages()[stage], True


def _refused_by_hold(now: Entry, chosen: Entry) -> UsageError:
    return UsageError(
        f"{now.version} is held in {now.stage} by {now.note['who']}: {now.note['why']!r}. Next: "
        f"loop registry assign {chosen.version} --stage {now.stage} --lift-hold --why REASON"
    )


def _check_names(stage: str, image: str | None) -> None:
    if not check_string_is_valid(stage):
        raise UsageError(f"{stage!r} is not a stage: use letters, digits, - and _.")
    if image and not re.fullmatch(r"\S*sha256:[0-9a-f]{64}", image):
        raise UsageError(f"{image!r} may move: name an image by its digest, sha256:<64 digits>.")


def unassign(repo: Path, entry: Entry, why: str) -> str:
    """Withdraw an assignment, so that its stage holds nothing; return the name of the new tag."""
    return _write(repo, entry.commit, {"why": why}, action=Action.UNASSIGN, stage=entry.stage)


def _write(repo: Path, commit: str, note: dict[str, Any], **name: Any) -> str:
    """Write a tag that is later than all others: gto sorts tags by time, and clocks can be wrong.

    Returns its name. Raises UsageError where there is a tag of this name already.
    """
    text = json.dumps({**note, "who": git.identity(repo)}, indent=2, ensure_ascii=False)
    with closing(Git(str(repo))) as scm:
        tag = name_tag(artifact=MODEL, scm=scm, **name)
        newest = max((tag.tag_time for tag in find(name=MODEL, scm=scm)), default=0)
    date = {"GIT_COMMITTER_DATE": f"@{max(int(time.time()), newest + 1)} +0000"}
    made = git.run(repo, "tag", "--annotate", "--file=-", tag, commit, text=text, **date)
    if made.returncode:
        raise UsageError(f"{made.stderr.strip()}. If another run was faster, run this again.")
    return tag
