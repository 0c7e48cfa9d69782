"""The registry of models, on plain git tags (`ledger.py`): no server, no account, no remote.

A version is a commit from which anyone gets the model back with
`dvc get . models/bundle --rev model@v1.4.0`. A rollback is a new assignment of an old version
with `hold`: until a person lifts the hold, no newer version is assigned.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from gto.constants import Action, assert_name_is_valid
from gto.exceptions import ValidationError
from gto.tag import name_tag, parse_name
from gto.versions import SemVer
from scmrepo.git import Git

from ..bundle import Bundle
from ..errors import UsageError
from . import git, lock
from .ledger import COMMAND, MODEL, Assignment, Ledger, Version, read

FIRST = "v1.0.0"
DIGEST = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")
Bump = Literal["major", "minor", "patch"]


def versions(repo: Path) -> tuple[Version, ...]:
    """All versions, oldest first."""
    return read(repo).versions


def show(repo: Path) -> dict[str, Assignment]:
    """What is assigned now, by stage."""
    ledger = read(repo)
    return {stage: ledger.way_back(stage)[-1] for stage in ledger.stages}


def history(repo: Path) -> tuple[Version | Assignment, ...]:
    """All that happened, oldest first."""
    ledger = read(repo)
    return tuple(sorted((*ledger.versions, *ledger.assignments), key=lambda item: item.time))


def current(repo: Path, stage: str = "production") -> Assignment | None:
    """What `stage` holds now; None before the first assignment."""
    return read(repo).current(stage)


def previous(repo: Path, stage: str = "production") -> Assignment | None:
    """What a rollback of `stage` returns to; None where there is nothing before it.

    Rolling back twice goes two versions back, never to the bad one again (`Ledger.way_back`).
    """
    way = read(repo).way_back(stage)
    return way[-2] if len(way) > 1 else None


def version_of_bundle(repo: Path, bundle_id: str) -> Version | None:
    """The version under which a bundle is registered; None where it is not."""
    return read(repo).of_bundle(bundle_id)


def register(
    repo: Path,
    bundle: Bundle,
    verdict: Mapping[str, Any] | None,
    version: str | None = None,
    *,
    bump: Bump = "minor",
    who: str | None = None,
    revision: str = "HEAD",
) -> tuple[Version, bool]:
    """Tag the commit that holds `bundle`; return the version, and whether it is new.

    A bundle that is registered already keeps its version, and nothing is written. `version`
    names a new one; without it the greatest is raised by `bump`. `who` is git's identity
    unless given.

    Raises UsageError where the verdict is missing, about another bundle, REJECT, or HOLD that
    nobody overrode; where the commit's `dvc.lock` does not hold the bundle; where the version
    exists or is none; and where git has no commit or no identity.
    """
    ledger = read(repo)
    if known := ledger.of_bundle(bundle.id):
        return known, False
    check_verdict(verdict, bundle.id)
    commit = git.commit_of(repo, revision)
    lock.check(repo, bundle.folder, revision)
    name = _new_name(repo, version, bump)
    note = {
        "bundle_id": bundle.id,
        "previous": ledger.latest.version if ledger.latest else None,
        "verdict": verdict,
        "who": who or git.identity(repo),
    }
    tag = name_tag(Action.REGISTER, MODEL, version=name, simple=True)
    _write(repo, ledger, tag, commit, note)
    return read(repo).find(name), True


def check_verdict(verdict: Mapping[str, Any] | None, bundle_id: str) -> None:
    """Raise UsageError unless the gate let this bundle pass."""
    again = f"Next: {COMMAND} gate"
    if verdict is None:
        raise UsageError(f"The gate has not judged this model. {again}")
    decision = verdict.get("decision")
    if (judged := verdict.get("challenger")) != bundle_id:
        raise UsageError(
            f"The gate's {decision} is about {judged}, and this bundle is {bundle_id}. {again}"
        )
    if decision == "PROMOTE" or (decision == "HOLD" and verdict.get("overridden")):
        return
    if decision == "HOLD":
        raise UsageError(
            "The gate could not decide (HOLD), and nobody has overridden it. "
            f"Next: more data, or see {COMMAND} gate --help"
        )
    raise UsageError(
        f"The gate's decision is {decision}; only PROMOTE, and HOLD that a person overrode, can "
        f"be registered. Next: change the model, make pipeline, {COMMAND} gate"
    )


def _new_name(repo: Path, version: str | None, bump: Bump) -> str:
    """The version to register; names that were taken back are not used again."""
    with closing(Git(str(repo))) as scm:
        parsed = [parse_name(name, raise_on_fail=False) for name in scm.list_tags()]
    taken = [item["version"] for item in parsed if item.get("name") == MODEL and "version" in item]
    greatest = max(map(SemVer, taken), default=None)
    following = getattr(greatest, f"bump_{bump}")().version if greatest else FIRST
    if version is None:
        return following
    if not SemVer.is_valid(version):
        raise UsageError(f"{version!r} is not a version. Write it like {following}.")
    if version in taken:
        raise UsageError(f"{version} exists already. The next free one is {following}.")
    return version


def assign(
    repo: Path,
    version: str,
    stage: str = "production",
    *,
    why: str,
    who: str | None = None,
    image: str | None = None,
    hold: bool = False,
    lift_hold: bool = False,
) -> tuple[Assignment, bool]:
    """Put a registered version into `stage`; return what holds it now, and whether that is new.

    `image` is the digest of the deployed container. `hold` is for rollbacks: it refuses all
    later assignments but other rollbacks, until one comes with `lift_hold`. A version that has
    the stage already keeps it, and nothing is written unless its image or the hold changes.

    Raises UsageError where there is no such version, stage or digest, where a hold is in
    force, and where git has no identity.
    """
    _check_call(stage, image, why, hold and lift_hold)
    ledger = read(repo)
    chosen = ledger.find(version)
    now = ledger.current(stage)
    if now and _unchanged(now, chosen.version, image, hold or (now.hold and not lift_hold)):
        return now, False
    if now and now.hold and not hold and not lift_hold:
        raise UsageError(_held(now, chosen.version))
    note = {
        "version": chosen.version,
        "previous": now and (now.previous if now.version == chosen.version else now.version),
        "image_digest": image or _last_image(ledger, stage, chosen.version),
        "who": who or git.identity(repo),
        "why": why,
        "hold": hold,
    }
    with closing(Git(str(repo))) as scm:
        tag = name_tag(Action.ASSIGN, MODEL, stage=stage, scm=scm)
    _write(repo, ledger, tag, chosen.commit, note)
    return read(repo).way_back(stage)[-1], True


def _check_call(stage: str, image: str | None, why: str, both: bool) -> None:
    try:
        assert_name_is_valid(stage)
    except ValidationError as error:
        raise UsageError(f"{stage!r} is not a stage: use letters, digits, - and _.") from error
    if image is not None and not DIGEST.fullmatch(image):
        raise UsageError(
            f"{image!r} is not an image digest; a name or a tag may move. "
            "Write it like sha256:<64 hex digits> or REGISTRY/NAME@sha256:<64 hex digits>."
        )
    if not why.strip():
        raise UsageError("An assignment says why. Next: --why 'passed the gate'")
    if both:
        raise UsageError("--hold and --lift-hold contradict each other; give one of them.")


def _unchanged(now: Assignment, version: str, image: str | None, held: bool) -> bool:
    return (now.version, now.hold) == (version, held) and image in (None, now.image_digest)


def _held(now: Assignment, version: str) -> str:
    option = "" if now.stage == "production" else f" --stage {now.stage}"
    return (
        f"{now.version} is held in {now.stage} by {now.who} since {now.time:%Y-%m-%d %H:%M} UTC "
        f"({now.why}), so {version} was not assigned. A person lifts the hold: "
        f"{COMMAND} registry assign {version}{option} --lift-hold --why REASON"
    )


def _last_image(ledger: Ledger, stage: str, version: str) -> str | None:
    """The container with which `stage` ran this version last: a rollback builds nothing."""
    used = (item for item in reversed(ledger.assignments) if item.image_digest)
    return next((i.image_digest for i in used if (i.stage, i.version) == (stage, version)), None)


def _write(repo: Path, ledger: Ledger, tag: str, commit: str, note: dict[str, Any]) -> None:
    """Write a tag later than all others: gto orders tags by time, and clocks go wrong."""
    text = json.dumps(note, indent=2, sort_keys=True, ensure_ascii=False)
    git.write_tag(repo, tag, commit, text + "\n", max(int(time.time()), ledger.last_time + 1))
