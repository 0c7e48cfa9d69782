"""What the tags say: versions, assignments, and the way back.

    model@v1.4.0           a registered version: the commit from which DVC gets the bundle
    model#production#7     an assignment: from then on this version is in production

The grammar is gto's, and so are `model@v1.4.0!` and `model#production!#8`, which take back what
they name. Each annotation is JSON. Of a version: `bundle_id`, the gate's `verdict`, the
`previous` version, `who`. Of an assignment: `version`, `previous`, `image_digest`, `who`, `why`
and `hold`. Tags that gto's own command wrote are read too; they know no more than git does.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gto.constants import Action
from gto.tag import Tag, find, parse_name, parse_tag
from gto.versions import SemVer
from scmrepo.git import Git

from ..errors import UsageError
from . import git

MODEL = "model"
COMMAND = f"python -m {__name__.partition('.')[0]}"


@dataclass(frozen=True)
class Version:
    """A registered model. `bundle_id` and `verdict` are None where gto's own command wrote it."""

    version: str
    tag: str
    commit: str
    time: datetime
    bundle_id: str | None
    verdict: dict[str, Any] | None


@dataclass(frozen=True)
class Assignment:
    """`version` took `stage`; `previous` is the version that had it before.

    `number` orders assignments. `image_digest` names the container that was deployed.
    """

    stage: str
    number: int
    version: str
    time: datetime
    who: str
    why: str
    previous: str | None
    image_digest: str | None
    hold: bool

    @property
    def tag(self) -> str:
        return f"{MODEL}#{self.stage}#{self.number}"


@dataclass(frozen=True)
class Ledger:
    """All that the tags say; `last_time` is that of the newest tag, in seconds since 1970."""

    versions: tuple[Version, ...]
    assignments: tuple[Assignment, ...]
    last_time: int

    @property
    def stages(self) -> list[str]:
        return sorted({assignment.stage for assignment in self.assignments})

    @property
    def latest(self) -> Version | None:
        """The greatest version, which need not be the last one registered."""
        return max(self.versions, key=lambda item: SemVer(item.version), default=None)

    def find(self, name: str) -> Version:
        """A version by its name or tag, or `latest`; raises UsageError that lists all."""
        if name == "latest" and self.latest:
            return self.latest
        short = name.removeprefix(f"{MODEL}@")
        for version in self.versions:
            if version.version == short:
                return version
        if not self.versions:
            raise UsageError(
                f"There is no version {name!r}: none is registered yet. "
                f"Next: {COMMAND} registry register"
            )
        known = ", ".join(version.version for version in self.versions)
        raise UsageError(f"There is no version {name!r}. There are: {known}.")

    def of_bundle(self, bundle_id: str) -> Version | None:
        return next((item for item in self.versions if item.bundle_id == bundle_id), None)

    def way_back(self, stage: str) -> list[Assignment]:
        """What a series of rollbacks would return to, ending with what is assigned now.

        Going back to a version forgets what came after it: a second rollback in a row goes on
        to an older version and never returns to the bad one.
        """
        way: list[Assignment] = []
        for assignment in self.assignments:
            if assignment.stage == stage:
                earlier = [item.version for item in way]
                if assignment.version in earlier:
                    del way[earlier.index(assignment.version) :]
                way.append(assignment)
        return way

    def current(self, stage: str) -> Assignment | None:
        return next(reversed(self.way_back(stage)), None)


def read(repo: Path) -> Ledger:
    """Read all tags of the model; raises UsageError where `repo` is not in a git repository."""
    git.check_repository(repo)
    with closing(Git(str(repo))) as scm:
        tags = [parse_tag(item) for item in find(name=MODEL, scm=scm)]
    by_action = {action: [item for item in tags if item.action is action] for action in Action}
    versions = _versions(by_action)
    return Ledger(
        versions=tuple(versions),
        assignments=tuple(_assignments(by_action, versions)),
        last_time=max((item.tag.tag_time for item in tags), default=0),
    )


def _versions(tags: dict[Action, list[Tag]]) -> list[Version]:
    gone = {item.version for item in tags[Action.DEREGISTER]}
    return [_version(item) for item in tags[Action.REGISTER] if item.version not in gone]


def _version(item: Tag) -> Version:
    note = _note(item)
    return Version(
        version=item.version,
        tag=item.tag.name,
        commit=item.tag.target,
        time=_time(item),
        bundle_id=note.get("bundle_id"),
        verdict=note.get("verdict"),
    )


def _assignments(tags: dict[Action, list[Tag]], versions: list[Version]) -> list[Assignment]:
    """Those in force, by number: of a version that exists, and not withdrawn afterwards."""
    at = {version.commit: version.version for version in versions}
    withdrawn: dict[tuple[str, str], int] = {}
    for item in tags[Action.UNASSIGN]:
        key = (item.stage, item.tag.target)
        withdrawn[key] = max(_number(item), withdrawn.get(key, 0))
    left = [
        _assignment(item, at[item.tag.target])
        for item in tags[Action.ASSIGN]
        if item.tag.target in at
        and _number(item) > withdrawn.get((item.stage, item.tag.target), -1)
    ]
    return sorted(left, key=lambda assignment: assignment.number)


def _assignment(item: Tag, version: str) -> Assignment:
    note = _note(item)
    return Assignment(
        stage=item.stage,
        number=_number(item),
        version=note.get("version", version),
        time=_time(item),
        who=_line(note.get("who", item.tag.tagger_name)),
        why=_line(note.get("why", item.tag.message)),
        previous=note.get("previous"),
        image_digest=note.get("image_digest"),
        hold=note.get("hold", False),
    )


def _line(text: str) -> str:
    """Text that others wrote, safe for a terminal: one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _number(item: Tag) -> int:
    return parse_name(item.tag.name).get("counter", 0)


def _time(item: Tag) -> datetime:
    return item.created_at.astimezone(UTC)


def _note(item: Tag) -> dict[str, Any]:
    """The JSON of an annotation, {} where there is none; a signature may follow it."""
    try:
        note, _ = json.JSONDecoder().raw_decode(item.tag.message.strip())
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}
