"""Production is what the ledger says: the image's tag follows it, and the endpoint follows the tag.

Each step can be repeated, and a run begins where one that was killed ended: the ledger is written
first and at once (git refuses a tag that another run has pushed), the pointer is moved until it
agrees with the ledger, and the endpoint is asked whatever it ran before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gto.versions import SemVer

from mlops_loop import git, paths
from mlops_loop.deployment import smoke
from mlops_loop.deployment.client import Client
from mlops_loop.deployment.image import Image
from mlops_loop.errors import ProjectError, SmokeFailed, StoreUnreachable, UsageError
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry import champion
from mlops_loop.registry import ledger as registry
from mlops_loop.registry.ledger import Entry, Ledger

RACES = 10  # other runs that may be faster than this one
POLL_S, IN_A_ROW = 2.0, 20
Choice = Callable[[Ledger], tuple[Entry, str] | None]  # version and digest, None for no change


@dataclass(frozen=True)
class Target:
    """Where to: `url` is that of the endpoint, empty where nothing can be asked.

    `commit` is the one of main that is released, empty where a person deploys.
    """

    repo: Path
    image: Image
    url: str = ""
    timeout_s: float = 600.0
    commit: str = ""


def deploy(target: Target, version: str, digest: str | None = None, why: str = "") -> str:
    """Put a registered version into production and see that it answers; say what was done.

    `digest` is that of its image, by default the one that it ran with, else the one that has the
    version as its tag. An older version than the one that runs, or one of an older commit, is left
    out: the newer run won.
    Raises UsageError for what cannot be, also while another version is held; SmokeFailed where
    the endpoint does not answer as it should, after what ran before was put back.
    """
    if digest and version == "latest":
        raise UsageError("--digest belongs to one version. Next: deploy vX.Y.Z --digest ...")

    def choose(ledger: Ledger) -> tuple[Entry, str] | None:
        chosen, now = ledger.find(version), ledger.current()
        if now and SemVer(now.version) > SemVer(chosen.version):
            if _runs(ledger, chosen.version):
                raise UsageError(
                    f"{now.version} is in production and newer. To go back to {chosen.version}: "
                    f"loop rollback {chosen.version} --why REASON"
                )
            return None
        if now and git.is_before(target.repo, target.commit, now.note.get("commit")):
            return None
        found = digest or _ran_with(ledger, chosen.version) or target.image.digest(chosen.version)
        if not found:
            raise UsageError(
                f"No image of {chosen.version} is known. Next: build and push it, then "
                f"loop deploy {chosen.version} --digest sha256:..."
            )
        return chosen, found

    made = _assign(target, choose, why or "passed the gate", commit=target.commit)
    told, answer = _settle(target), ""
    try:
        answer = made and _verify(target, made[0])
    except SmokeFailed as error:
        if done := _put_back(target, made[0], str(error)):
            raise SmokeFailed(f"{error} {done}") from error
    now = _current(target)
    if made is None or now != made[0]:
        return f"A newer run won: {line(now)}. {told}".rstrip()
    return f"{'' if made[1] else 'Nothing new: '}{line(now)}. {told}{answer}".rstrip()


def rollback(target: Target, to: str, why: str, hold: bool = True) -> str:
    """Put a version back with the image that it ran with; by default later ones are refused.

    `to` is a version, or `previous`. Raises as `deploy` does.
    """
    entry, new = _assign(target, lambda ledger: past(target.image, ledger, to), why, hold)
    told = _settle(target) + _verify(target, entry)
    return f"{'' if new else 'Nothing new: '}{line(entry)}. {told}".rstrip()


def past(image: Image, ledger: Ledger, to: str) -> tuple[Entry, str]:
    """The version that a rollback returns to, and the image that it ran with; or UsageError."""
    before = ledger.previous() if to == "previous" else None
    if to == "previous" and not before:
        raise UsageError("Nothing was in production before. Next: registry history")
    if before and (problem := disagreement(image, ledger)):
        told = f"{problem} A run was cut, so `previous` may mean either"
        raise UsageError(f"{told}. Next: name the version: loop registry history")
    chosen = ledger.find(before.version if before else to)
    if not (digest := _ran_with(ledger, chosen.version)):
        raise UsageError(f"{chosen.version} was never in production: no image is known.")
    return chosen, digest


def disagreement(image: Image, ledger: Ledger) -> str:
    """How pointer and ledger differ, as a sentence; empty where they agree."""
    now, digest = ledger.current(), image.digest()
    if digest == (now and now.note.get("image_digest")):
        return ""
    return f"{image.url}:production is {digest or 'missing'}, and by the ledger {line(now)}."


def _runs(ledger: Ledger, version: str) -> list[Entry]:
    return [a for a in ledger.assignments if (a.stage, a.version) == ("production", version)]


def _ran_with(ledger: Ledger, version: str) -> str | None:
    digests = [run.note.get("image_digest") for run in _runs(ledger, version)]
    return next(filter(None, reversed(digests)), None)


def _current(target: Target) -> Entry | None:
    return registry.fetch(target.repo).current()


def line(entry: Entry | None) -> str:
    """An assignment as a clause of a sentence."""
    if entry is None:
        return "nothing is in production"
    held = ", held" if entry.note.get("hold") else ""
    return f"{entry.version} is in production as {entry.note.get('image_digest')}{held}"


def _assign(
    target: Target, choose: Choice, why: str, hold: bool | None = None, commit: str = ""
) -> tuple[Entry, bool] | None:
    """Write the ledger and push it; where another run was faster, decide anew.

    Give what holds now and whether that is new, None where nothing was to be changed.
    """
    for _ in range(RACES):
        ledger = registry.fetch(target.repo)
        if (choice := choose(ledger)) is None:
            return None
        chosen, digest = choice
        target.image.check(digest)
        facts = {"why": why, "image": digest, "hold": hold, "commit": commit}
        entry, new = registry.assign(target.repo, chosen.version, **facts)
        if git.push_tags(target.repo, chosen.tag, entry.tag):
            return entry, new
        git.run(target.repo, "tag", "--delete", entry.tag)
    raise StoreUnreachable("Other runs were always faster. Next: the same command again")


def _settle(target: Target) -> str:
    """Let the pointer follow the ledger, whoever else moves them; say what could not be done."""
    for _ in range(RACES):
        ledger = registry.fetch(target.repo)
        if not disagreement(target.image, ledger):
            return ""
        now = ledger.current()
        if digest := now and now.note.get("image_digest"):
            target.image.point(digest)
        elif not target.image.remove_pointer():
            return f"{target.image.url} cannot take its tag production away, which names no more. "
    raise StoreUnreachable("Other runs were always faster. Next: the same command again")


def _bundle(target: Target, entry: Entry) -> Bundle:
    """The model of an assignment: from models/bundle where it is that one, else from the store."""
    registered = registry.read(target.repo).find(entry.version).note.get("bundle_id")
    folder = target.repo / paths.BUNDLE
    if folder.exists() and (made := bundles.load(folder)).id == registered:
        return made
    return champion.fetch(target.repo)[1]


def _verify(target: Target, entry: Entry) -> str:
    """Wait until the endpoint runs this image, then ask it the golden rows; "" without a URL."""
    if not target.url:
        return ""
    url, made = target.url.rstrip("/"), _bundle(target, entry)
    _wait(url, entry.note["image_digest"], made.id, target.timeout_s)
    return smoke.smoke(url, made, target.timeout_s)


def _wait(url: str, digest: str, bundle_id: str, timeout_s: float) -> None:
    """Until the endpoint reports this image many times in a row: two answer during a swap."""
    deadline, found, in_a_row = time.monotonic() + timeout_s, "nothing", 0
    expected = f"bundle {bundle_id}, image {digest}"
    while in_a_row < IN_A_ROW:
        try:
            answer: dict[str, Any] = Client(url).ask("/version")
            # A host that was not told its digest reports none.
            found = f"bundle {answer.get('bundle')}, image {answer.get('image_digest') or digest}"
        except SmokeFailed as error:
            answer, found = {}, str(error)
        if digest in (note := answer.get("deploy_note") or ""):
            raise SmokeFailed(f"The host of {url} says: {note!r}.")
        in_a_row = in_a_row + 1 if found == expected else 0
        if time.monotonic() > deadline:
            told = f"{url}/version: {found}; expected within {timeout_s:g} s: {expected}."
            raise SmokeFailed(told)
        time.sleep(0 if in_a_row else POLL_S)


def _put_back(target: Target, bad: Entry, reason: str) -> str:
    """Return to what ran before `bad`; say what was done and what the endpoint answers now.

    Empty where another run has put something else in its place.
    """
    # The ledger tells the reason, but no row of data.
    why = f"automatic rollback: {reason.partition('. The row: ')[0]}"
    ledger = registry.read(target.repo)
    before = _before(ledger, bad)
    digest = before.note.get("image_digest") if before else None

    def choose(ledger: Ledger) -> tuple[Entry, str] | None:
        return (ledger.find(before.version), digest) if ledger.current() == bad else None

    try:
        if _current(target) != bad or (digest and not _assign(target, choose, why)):
            return ""
        if not digest:
            git.push_tags(target.repo, registry.unassign(target.repo, bad, why))
            return f"No image ran before. {_settle(target)}Now {line(_current(target))}."
    except StoreUnreachable as error:  # what people are served comes first
        if digest:
            target.image.point(digest)
        return f"The tag production is back at {digest}, but not the ledger: {error}"
    told, now = _settle(target), registry.read(target.repo).current()
    try:
        return f"Put back: {line(now)}. {told}{_verify(target, now)}"
    except ProjectError as error:
        return f"Put back: {line(now)}. {told}It is not seen to answer yet: {error}"


def _before(ledger: Ledger, bad: Entry) -> Entry | None:
    """What ran before: another image of the same version, or another version."""
    past = [run for run in ledger.assignments if run.stage == bad.stage]
    images = [run.note.get("image_digest") for run in past[-2:]]
    again = len(past) > 1 and past[-2].version == bad.version and images[0] != images[1]
    return past[-2] if again else ledger.previous()
