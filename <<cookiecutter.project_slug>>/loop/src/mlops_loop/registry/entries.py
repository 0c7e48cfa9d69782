"""What the ledger holds: versions, their assignments to stages, and what came before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops_loop.errors import UsageError


@dataclass(frozen=True)
class Entry:
    """A tag: `version` was registered or, with a `stage`, assigned. `note` is its annotation.

    `time` is in UTC, as 2026-01-31T12:00:00Z; `commit` is the one that the tag names.
    """

    tag: str
    version: str
    stage: str | None
    commit: str
    time: str
    note: dict[str, Any]

    @property
    def bundle_id(self) -> str | None:
        """The bundle of a version; None where another tool wrote the tag."""
        return self.note.get("bundle_id")

    @property
    def image_digest(self) -> str | None:
        """The container image of an assignment, sha256:...; None without one."""
        return self.note.get("image_digest")

    @property
    def held(self) -> bool:
        """Whether later assignments to the stage are refused until a person lifts the hold."""
        return bool(self.note.get("hold"))

    def describe(self) -> str:
        """An assignment as a clause of a sentence."""
        held = ", held" if self.held else ""
        return f"{self.version} is in {self.stage} as {self.image_digest}{held}"


@dataclass(frozen=True)
class Ledger:
    """Versions from the smallest to the greatest, assignments from the oldest to the newest.

    names: all tags of the artifact, also withdrawn ones. newest: the time of the last one, in
    seconds since 1970; 0 without one.
    """

    versions: list[Entry]
    assignments: list[Entry]
    names: frozenset[str] = frozenset()
    newest: int = 0

    def first_step(self) -> str:
        """What puts a first model into production."""
        if self.versions:
            return "loop registry assign latest"
        return "make pipeline gate, then loop registry register and assign"

    def find(self, name: str) -> Entry:
        """A version by its name or tag, or the `latest`; raises UsageError that lists all."""
        for item in reversed(self.versions):
            if name in (item.version, item.tag, "latest"):
                return item
        if not self.versions:
            raise UsageError(
                f"No version {name!r}: none is registered yet. Next: {self.first_step()}"
            )
        known = ", ".join(item.version for item in self.versions)
        raise UsageError(f"No version {name!r}. There are: {known}. Next: loop registry list")

    def named(self, name: str) -> Entry:
        """A version as `find` gives it, or the one of `production` or `previous`."""
        at = {"production": self.current, "previous": self.previous}.get(name)
        held = at() if at else None
        return self.find(held.version if held else name)

    def version_of_bundle(self, bundle_id: str) -> Entry | None:
        """The version that holds a bundle; None where it is not registered."""
        return next((v for v in self.versions if v.bundle_id == bundle_id), None)

    def history(self) -> list[Entry]:
        """All registrations and assignments, the oldest first."""
        return sorted(self.versions + self.assignments, key=lambda item: item.time)

    def stages(self) -> dict[str, Entry]:
        """What each stage holds now."""
        return {item.stage: item for item in self.assignments if item.stage}

    def current(self, stage: str = "production") -> Entry | None:
        """What a stage holds now; None where it holds nothing."""
        return self.stages().get(stage)

    def describe(self, stage: str = "production") -> str:
        """What a stage holds now, as a clause of a sentence."""
        now = self.current(stage)
        return now.describe() if now else f"nothing is in {stage}"

    def runs(self, version: str, stage: str = "production") -> list[Entry]:
        """All assignments of a version to a stage, the oldest first."""
        return [a for a in self.assignments if (a.stage, a.version) == (stage, version)]

    def last_image(self, version: str, stage: str = "production") -> str | None:
        """The image that a version last ran with; None where it ran without one, or never."""
        digests = [run.image_digest for run in self.runs(version, stage)]
        return next(filter(None, reversed(digests)), None)

    def attested(self, image: str) -> Entry | None:
        """The assignment with which an image (NAME@sha256:..., or its digest) was verified.

        None where it was deployed unsigned: in a private repository, or before images were signed.
        """
        digest = image.rpartition("@")[2]
        runs = [run for run in self.assignments if run.note.get("attested")]
        return next((run for run in runs if (run.image_digest or "").endswith(digest)), None)

    def images(self, version: str) -> set[str]:
        """All images that a version ran with, in any stage."""
        runs = (run.image_digest for run in self.assignments if run.version == version)
        return set(filter(None, runs))

    def previous(self, stage: str = "production") -> Entry | None:
        """What a rollback returns to, None where there is nothing.

        An assignment of an earlier version removes all that came after that version. So a second
        rollback goes on to an older version, never to the one that it came from.
        """
        path: list[Entry] = []
        place: dict[str, int] = {}  # of each version in the path
        for item in (a for a in self.assignments if a.stage == stage):
            end = place.get(item.version, len(path))
            for gone in path[end:]:
                del place[gone.version]
            path[end:], place[item.version] = [item], end
        return path[-2] if len(path) > 1 else None
