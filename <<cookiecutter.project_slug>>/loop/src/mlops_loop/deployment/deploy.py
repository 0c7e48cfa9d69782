"""Production is what the ledger says: the image's tag follows it, and the endpoint follows the tag.

Each step can be repeated, and a run continues where one that was killed ended: the ledger is
written first and at once (git refuses a tag that another run has pushed), the pointer is moved
until it agrees with the ledger, and the endpoint is asked whatever it ran before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_loop import paths
from mlops_loop.deployment import endpoint, smoke
from mlops_loop.deployment.image import Image
from mlops_loop.deployment.pointer import disagreement
from mlops_loop.deployment.results import (
    AutoRollback,
    Deployment,
    ReleaseReverted,
)
from mlops_loop.deployment.smoke import SmokeResult
from mlops_loop.errors import ProjectError, SmokeFailed, StoreUnreachable, UsageError
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry import champion, ledger, release_order
from mlops_loop.registry.entries import Entry, Ledger
from mlops_loop.registry.ledger import TagTaken
from mlops_loop.registry.names import order

RACES = 10  # other runs that may be faster than this one
Choice = Callable[[Ledger], tuple[Entry, str] | None]  # version and digest, None for no change


@dataclass(frozen=True)
class Target:
    """Where to deploy: `url` is that of the endpoint, empty where nothing can be asked.

    `commit` is the one of main that is released, empty where a person deploys; `attested` says that
    the signature of its image was verified. `timeout_s` is how long the endpoint may take to run a
    new image.
    """

    repo: Path
    image: Image
    url: str = ""
    timeout_s: float = 600.0
    commit: str = ""
    attested: bool = False


def deploy(
    target: Target,
    version: str,
    digest: str | None = None,
    why: str = "",
    verdict: Mapping[str, Any] | None = None,
) -> Deployment:
    """Put a registered version into production, and check that it answers.

    `digest` is that of its image, by default the one that it ran with, else the one that has the
    version as its tag. A version or commit older than production is not deployed. `verdict` is
    the gate's where it must count for what production holds; None where a person decides.
    Raises UsageError for what cannot be, also while another version is held; SmokeFailed where
    the endpoint does not answer as it should: ReleaseReverted after the previous version was
    restored.
    """
    if digest and version == "latest":
        raise UsageError("--digest belongs to one version. Next: deploy vX.Y.Z --digest ...")

    def choose(entries: Ledger) -> tuple[Entry, str] | None:
        if release_order.is_superseded(target.repo, target.commit, entries.current()):
            return None
        chosen = _choose(target, entries, version, digest)
        if chosen and verdict is not None:
            release_order.check_champion(verdict, chosen[0].version, entries.current())
        return chosen

    facts: dict[str, Any] = {"commit": target.commit, "attested": target.attested}
    assigned = _assign(target, choose, why or "passed the gate", **facts)
    synced = sync_pointer(target)
    if assigned is None:
        return Deployment(_current(target), "superseded", synced)
    entry, is_new = assigned
    try:
        checked = _verify(target, entry)
    except SmokeFailed as error:
        if restored := auto_rollback(target, entry, str(error)):
            raise ReleaseReverted(error, restored) from error
    if (now := _current(target)) != entry:
        return Deployment(now, "superseded", synced)
    return Deployment(now, "changed" if is_new else "unchanged", synced, checked)


def _choose(
    target: Target, entries: Ledger, version: str, digest: str | None
) -> tuple[Entry, str] | None:
    """The version to deploy and its image; None where production has a later version."""
    chosen, now = entries.find(version), entries.current()
    if now and order(now.version) > order(chosen.version):
        if entries.runs(chosen.version):
            raise UsageError(
                f"{now.version} is in production and newer. To go back to {chosen.version}: "
                f"loop rollback {chosen.version} --why REASON"
            )
        return None
    image = digest or entries.last_image(chosen.version) or target.image.digest(chosen.version)
    if not image:
        raise UsageError(
            f"No image of {chosen.version} is known. Next: build and push it, then "
            f"loop deploy {chosen.version} --digest sha256:..."
        )
    return chosen, image


def rollback(target: Target, to: str, why: str, hold: bool = True) -> Deployment:
    """Restore a version with the image that it ran with; by default later ones are refused.

    `to` is a version, or `previous`. Raises UsageError where there is nothing to return to, and
    SmokeFailed where the endpoint does not answer as it should.
    """

    def choose(entries: Ledger) -> tuple[Entry, str]:
        return rollback_target(target.image, entries, to)

    assigned = _assign(target, choose, why, hold)
    assert assigned, "a rollback never finds nothing to change"
    entry, is_new = assigned
    synced, checked = sync_pointer(target), _verify(target, entry)
    return Deployment(entry, "changed" if is_new else "unchanged", synced, checked)


def rollback_target(image: Image, entries: Ledger, to: str) -> tuple[Entry, str]:
    """The version that a rollback returns to, and the image that it ran with; or UsageError."""
    before = entries.previous() if to == "previous" else None
    if to == "previous" and not before:
        raise UsageError("Nothing was in production before. Next: registry history")
    if before and (mismatch := disagreement(image, entries)):
        raise UsageError(
            f"{mismatch.describe()} A run was interrupted, so `previous` may mean either. "
            "Next: name the version: loop registry history"
        )
    chosen = entries.find(before.version if before else to)
    if not (digest := entries.last_image(chosen.version)):
        raise UsageError(f"{chosen.version} was never in production: no image is known.")
    return chosen, digest


def _current(target: Target) -> Entry | None:
    return ledger.fetch(target.repo).current()


def _assign(
    target: Target, choose: Choice, why: str, hold: bool | None = None, *, reverts: bool = False,
    **facts: Any,
) -> tuple[Entry, bool] | None:  # fmt: skip
    """Write the ledger and push it; where another run was faster, choose again.

    reverts: the image served until now, so its label is not asked. `facts` are `commit` and
    `attested` of `ledger.assign`. Returns what production holds now and whether that is new, None
    where nothing was to be changed.
    """
    for _ in range(RACES):
        entries = ledger.fetch(target.repo)
        if (choice := choose(entries)) is None:
            return None
        chosen, digest = choice
        if reverts:
            target.image.check(digest)
        else:
            check_image(target.repo, target.image, entries, chosen, digest)
        facts |= {"image": digest, "hold": hold}
        with suppress(TagTaken):
            return ledger.assign(
                target.repo, chosen.version, why=why, **facts, push=True, seen=entries
            )
    raise StoreUnreachable("Other runs were always faster. Next: the same command again")


def check_image(repo: Path, image: Image, entries: Ledger, version: Entry, digest: str) -> None:
    """Raise UsageError unless the registry has the image, with the bundle of this version in it.

    Asks the image's label, so that no endpoint is needed.
    """
    bundle_id = version.bundle_id or _bundle(repo, version).id
    has_run = digest in entries.images(version.version)
    image.check_bundle(digest, bundle_id, version.version, has_run)


def sync_pointer(target: Target) -> bool:
    """Move the image's tag `production` until it agrees with the ledger, which others may change.

    False where the tag names an image, the ledger none, and the container registry cannot delete
    the tag. Raises StoreUnreachable.
    """
    for _ in range(RACES):
        entries = ledger.fetch(target.repo)
        if not disagreement(target.image, entries):
            return True
        now = entries.current()
        if now and now.image_digest:
            target.image.point(now.image_digest)
        elif not target.image.remove_pointer():
            return False
    raise StoreUnreachable("Other runs were always faster. Next: the same command again")


def _bundle(repo: Path, entry: Entry) -> Bundle:
    """The model of an entry: models/bundle where that is it, else from the store."""
    version = ledger.local(repo).find(entry.version)
    folder = repo / paths.BUNDLE
    if folder.exists() and (local := bundles.load(folder)).id == version.bundle_id:
        return local
    return champion.fetch_version(repo, version, repo / paths.CHAMPION)


def _verify(target: Target, entry: Entry | None) -> SmokeResult | None:
    """The answers of the endpoint; None where its address is not known, or no image runs."""
    if not target.url or not entry or not entry.image_digest:
        return None
    bundle = _bundle(target.repo, entry)
    return endpoint.verify(target.url, bundle, entry.image_digest, target.timeout_s)


def auto_rollback(target: Target, bad: Entry, reason: str) -> AutoRollback | None:
    """Restore the version before `bad`; None where another run has replaced `bad` already."""
    # The ledger keeps the reason, but no row of data.
    why = f"automatic rollback: {reason.partition(smoke.ROW)[0]}"
    before = _before(ledger.local(target.repo), bad)
    digest = before.image_digest if before else None

    def choose(entries: Ledger) -> tuple[Entry, str] | None:
        if not before or not digest or entries.current() != bad:
            return None
        return entries.find(before.version), digest

    try:
        if _current(target) != bad:
            return None
        if not digest:
            return _withdraw(target, bad, why)
        if not _assign(target, choose, why, reverts=True):
            return None
    except StoreUnreachable as error:  # what people are served comes first
        if digest:
            target.image.point(digest)
        return AutoRollback(digest, ledger_error=str(error))
    return _restored(target, digest)


def _before(entries: Ledger, bad: Entry) -> Entry | None:
    """The assignment before `bad`: of another image of the same version, or another version."""
    past = [run for run in entries.assignments if run.stage == bad.stage]
    images = [run.image_digest for run in past[-2:]]
    again = len(past) > 1 and past[-2].version == bad.version and images[0] != images[1]
    return past[-2] if again else entries.previous()


def _withdraw(target: Target, bad: Entry, why: str) -> AutoRollback:
    """Let production hold nothing, where nothing ran before."""
    with suppress(TagTaken):
        ledger.unassign(target.repo, bad, why)
    synced = sync_pointer(target)
    return AutoRollback(None, _current(target), synced)


def _restored(target: Target, digest: str) -> AutoRollback:
    """Let pointer and endpoint follow the ledger, which has the previous version again."""
    synced, now = sync_pointer(target), ledger.local(target.repo).current()
    try:
        return AutoRollback(digest, now, synced, _verify(target, now))
    except ProjectError as error:
        return AutoRollback(digest, now, synced, smoke_error=str(error))
