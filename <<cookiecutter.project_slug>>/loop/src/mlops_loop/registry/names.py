"""The names of the registry's tags, in gto's grammar (https://github.com/iterative/gto).

gto's own parser is not used: to import it takes longer than all that a command does with a tag.
A test compares both. Versions are semantic ones, as v1.4.0 or v2.0.0-rc.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache

from semver import Version

MODEL = "model"
NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
PART = r"(?:0|[1-9]\d*)"
PRERELEASE = rf"(?:{PART}|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
VERSION = (
    rf"v{PART}\.{PART}\.{PART}(?:-{PRERELEASE}(?:\.{PRERELEASE})*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
TAG = re.compile(
    rf"{MODEL}(?:(?:#(?P<stage>{NAME})|@(?P<version>{VERSION}))(?P<cancel>!?)|@deprecated|@created)"
    r"(?:#(?P<counter>[0-9]+))?"
)


class Action(Enum):
    """What a tag does; OTHER is gto's mark of a deprecated artifact, which counts for nothing."""

    REGISTER = "{model}@{version}"
    DEREGISTER = "{model}@{version}!"
    ASSIGN = "{model}#{stage}"
    UNASSIGN = "{model}#{stage}!"
    OTHER = ""


@dataclass(frozen=True)
class TagName:
    """A tag of the artifact `model`: `version` and `stage` are empty where it names none.

    counter: its number, 0 without one.
    """

    action: Action
    version: str = ""
    stage: str = ""
    counter: int = 0


@cache
def parsed(tag: str) -> TagName | None:
    """The parts of a tag's name; None where it is not of the artifact `model`."""
    if not (match := TAG.fullmatch(tag)):
        return None
    version, stage = match["version"] or "", match["stage"] or ""
    action = _action(version, stage, match["cancel"])
    return TagName(action, version, stage, int(match["counter"] or 0))


def _action(version: str, stage: str, cancel: str | None) -> Action:
    if version:
        return Action.DEREGISTER if cancel else Action.REGISTER
    if stage:
        return Action.UNASSIGN if cancel else Action.ASSIGN
    return Action.OTHER


def named(action: Action, version: str = "", stage: str = "") -> str:
    """The name of a tag without its counter."""
    return action.value.format(model=MODEL, version=version, stage=stage)


def is_stage(name: str) -> bool:
    """Whether a stage may be called so."""
    return bool(re.fullmatch(NAME, name))


def order(version: str) -> Version:
    """What sorts versions and raises them: `vX.Y.Z` as a semantic version."""
    return Version.parse(version.removeprefix("v"))
