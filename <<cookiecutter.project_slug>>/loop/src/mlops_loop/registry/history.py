"""The ledger of a clone: its tags of the model, read by one call of git, in their order."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_loop.registry import tags as ledger_tags
from mlops_loop.registry.entries import Entry, Ledger
from mlops_loop.registry.names import Action, TagName, order, parsed
from mlops_loop.registry.tags import Tag


@dataclass
class _Replay:
    """What the tags so far lead to: versions by commit, assignments by tag.

    `at` has the tags that assigned a commit to a stage, so that no step looks through all of them.
    """

    versions: dict[str, Entry] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    assignments: dict[str, Entry] = field(default_factory=dict)
    at: dict[tuple[str | None, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def take(self, tag: Tag) -> None:
        """Apply one tag."""
        name, note = _name(tag), json_object(tag.text)
        action, stage = name.action, name.stage
        if action is Action.REGISTER:
            self._forget(tag.target)
            self.versions[tag.target] = entry(tag, note, name.version)
            self.named.add(name.version)
        elif action is Action.DEREGISTER:
            self._forget(tag.target)
        elif action is Action.ASSIGN and (version := self._assigned(tag, note)):
            self.assignments[tag.name] = entry(tag, note, version, stage)
            self.at[stage, tag.target].append(tag.name)
        elif action is Action.UNASSIGN:
            self._withdraw(tag, note, stage)

    def _forget(self, commit: str) -> None:
        if version := self.versions.pop(commit, None):
            self.named.discard(version.version)

    def _assigned(self, tag: Tag, note: dict[str, Any]) -> str | None:
        """The version that a tag assigns; None where that is unknown, or withdrawn."""
        if not (name := note.get("version")):
            version = self.versions.get(tag.target)
            return version.version if version else None
        return name if name in self.named else None

    def _withdraw(self, tag: Tag, note: dict[str, Any], stage: str | None) -> None:
        """Drop an assignment by its name, or all of a commit as gto means it."""
        name = note.get("assignment")
        for known in [name] if name else self.at.pop((stage, tag.target), []):
            self.assignments.pop(known, None)


def local(repo: Path) -> Ledger:
    """Read all tags of the model in this clone, whatever origin has.

    Counters order the tags, as clocks can be wrong; then time, then name. Raises UsageError where
    git cannot read them.
    """
    tags = ledger_tags.read(repo)
    replay = _Replay()
    for tag in sorted((tag for tag in tags if tag.annotated), key=_order):
        replay.take(tag)
    versions = sorted(replay.versions.values(), key=lambda v: order(v.version))
    names = frozenset(tag.name for tag in tags)
    newest = max((tag.time for tag in tags), default=0)
    return Ledger(versions, list(replay.assignments.values()), names, newest)


def _order(tag: Tag) -> tuple[int, int]:
    return _name(tag).counter, tag.time


def _name(tag: Tag) -> TagName:
    return parsed(tag.name) or TagName(Action.OTHER)


def entry(tag: Tag, note: dict[str, Any], version: str, stage: str | None = None) -> Entry:
    """A tag as an entry of the ledger; a text that is no JSON is the reason of who wrote it."""
    when = f"{datetime.fromtimestamp(tag.time, UTC):%Y-%m-%dT%H:%M:%SZ}"
    note = note or {"who": tag.tagger, "why": tag.text.strip()}
    return Entry(tag.name, version, stage, tag.target, when, note)


def json_object(text: str) -> dict[str, Any]:
    """The JSON object at the start of a text (a signature may follow); {} where there is none."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text.strip())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
