"""The registry of models: git tags in gto's grammar. No server, no account, no remote.

    model@v1.4.0           a version: the commit from which DVC gets the bundle
    model#production#7     an assignment: from then on this version is in production

An annotation is JSON: of a version `bundle_id` and the gate's `verdict`, of an assignment
`previous`, `image_digest`, `commit` of main, `why` and `hold`; of both `who`. `model@v1.4.0!` and
`model#production!#8` take back what they name; these come from gto's own command.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from gto.constants import Action, check_string_is_valid
from gto.tag import GitTag, find, name_tag, parse_name
from gto.versions import SemVer
from scmrepo.git import Git

from mlops_loop import git
from mlops_loop.errors import UsageError
from mlops_loop.model.bundle import Bundle

MODEL = "model"


@dataclass(frozen=True)
class Entry:
    """A tag: `version` was registered or, with a `stage`, assigned. `note` is its annotation."""

    tag: str
    version: str
    stage: str | None
    commit: str
    time: str
    note: dict[str, Any]


@dataclass(frozen=True)
class Ledger:
    """Versions from the smallest to the greatest, assignments from the oldest to the newest."""

    versions: list[Entry]
    assignments: list[Entry]

    def find(self, name: str) -> Entry:
        """A version by its name or tag, or the `latest`; raises UsageError that lists all."""
        for item in reversed(self.versions):
            if name in (item.version, item.tag, "latest"):
                return item
        known = ", ".join(item.version for item in self.versions) or "none yet"
        raise UsageError(f"No version {name!r}. There are: {known}. Next: loop registry list")

    def version_of_bundle(self, bundle_id: str) -> Entry | None:
        return next((v for v in self.versions if v.note.get("bundle_id") == bundle_id), None)

    def history(self) -> list[Entry]:
        return sorted(self.versions + self.assignments, key=lambda item: item.time)

    def stages(self) -> dict[str, Entry]:
        """What each stage holds now."""
        return {item.stage: item for item in self.assignments if item.stage}

    def current(self, stage: str = "production") -> Entry | None:
        return self.stages().get(stage)

    def previous(self, stage: str = "production") -> Entry | None:
        """What a rollback returns to; going back to a version forgets what came after it.

        So a second rollback goes on to an older version, never to the one it came from.
        """
        way: list[Entry] = []
        for item in self.assignments:
            if item.stage == stage:
                way = [*takewhile(lambda past, now=item: past.version != now.version, way), item]
        return way[-2] if len(way) > 1 else None


def fetch(repo: Path) -> Ledger:
    """Read the ledger as origin has it."""
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
    """The JSON object that a text begins with (a signature may follow), {} where it is none."""
    try:
        found, _ = json.JSONDecoder().raw_decode(text.strip())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def register(
    repo: Path, bundle: Bundle, verdict: dict[str, Any], bump: str = "minor"
) -> tuple[Entry, bool]:
    """Tag HEAD, whose `dvc.lock` holds `bundle`; return the version, and whether it is new.

    `bump` is major, minor or patch. Raises UsageError where the gate did not let this bundle
    pass, where no committed lock holds it, and where git has no identity.
    """
    if known := read(repo).version_of_bundle(bundle.id):
        return known, False
    judged, decision = verdict.get("challenger"), verdict.get("decision")
    if (judged, decision) != (bundle.id, "PROMOTE"):
        said = f"said {decision} about {judged}" if judged else "has not judged a model yet"
        raise UsageError(f"{bundle.id} needs a PROMOTE, and the gate {said}. Next: loop gate")
    if folder_hash(bundle.folder) not in git.run(repo, "show", "HEAD:./dvc.lock").stdout:
        raise UsageError(
            f"No committed dvc.lock holds {bundle.folder}, so nobody could get this model back. "
            'Next: dvc repro && git add dvc.lock && git commit -m "Train the model"'
        )
    version = next_version(repo, bump)
    note = {"bundle_id": bundle.id, "verdict": verdict}
    _write(repo, "HEAD", note, action=Action.REGISTER, version=version, simple=True)
    return read(repo).find(version), True


def commit_lock(repo: Path) -> bool:
    """Commit the dvc.lock that training wrote, where HEAD has another; whether it had.

    A version's tag then names a child of main that pushes nothing to main.
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
    listed = [{"md5": md5, "relpath": name} for name, md5 in md5s.items()]
    return hashlib.md5(json.dumps(listed).encode()).hexdigest() + ".dir"


def next_version(repo: Path, bump: str = "minor") -> str:
    """The greatest version, raised; the name of one that was taken back is not used again."""
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
    if not check_string_is_valid(stage):
        raise UsageError(f"{stage!r} is not a stage: use letters, digits, - and _.")
    if image and not re.fullmatch(r"\S*sha256:[0-9a-f]{64}", image):
        raise UsageError(f"{image!r} may move: name an image by its digest, sha256:<64 digits>.")
    ledger = read(repo)
    chosen, now = ledger.find(version), ledger.current(stage)
    runs = [a for a in ledger.assignments if (a.stage, a.version) == (stage, chosen.version)]
    last = runs[-1].note if runs else {}
    again = now is not None and now.version == chosen.version
    held = now is not None and now.note.get("hold", False)
    if again and hold in (None, held) and image in (None, last.get("image_digest")):
        return now, False
    if held and hold is None:
        raise UsageError(
            f"{now.version} is held in {stage} by {now.note['who']}: {now.note['why']!r}. Next: "
            f"loop registry assign {chosen.version} --stage {stage} --lift-hold --why REASON"
        )
    note = {
        "previous": last.get("previous") if again else now and now.version,
        "image_digest": image or last.get("image_digest"),
        "commit": commit or last.get("commit"),
        "why": why,
        "hold": bool(hold),
    }
    _write(repo, chosen.commit, note, action=Action.ASSIGN, stage=stage)
    return read(repo).stages()[stage], True


def unassign(repo: Path, entry: Entry, why: str) -> str:
    """Take an assignment back, so that its stage holds nothing; return the tag that says so."""
    return _write(repo, entry.commit, {"why": why}, action=Action.UNASSIGN, stage=entry.stage)


def _write(repo: Path, commit: str, note: dict[str, Any], **name: Any) -> str:
    """Write a tag later than all others: gto orders tags by time, and clocks go wrong."""
    text = json.dumps({**note, "who": git.identity(repo)}, indent=2, ensure_ascii=False)
    with closing(Git(str(repo))) as scm:
        tag = name_tag(artifact=MODEL, scm=scm, **name)
        newest = max((tag.tag_time for tag in find(name=MODEL, scm=scm)), default=0)
    date = {"GIT_COMMITTER_DATE": f"@{max(int(time.time()), newest + 1)} +0000"}
    made = git.run(repo, "tag", "--annotate", "--file=-", tag, commit, text=text, **date)
    if made.returncode:
        raise UsageError(f"{made.stderr.strip()}. If another run was faster, run this again.")
    return tag
