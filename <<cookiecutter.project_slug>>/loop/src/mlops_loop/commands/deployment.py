"""The commands `image-tag`, `verify-image`, `deploy`, `rollback` and `incident`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from mlops_loop import git, paths
from mlops_loop.commands.console import example, file, print_outputs
from mlops_loop.commands.endpoint import answers
from mlops_loop.deployment import attestation, container_check
from mlops_loop.deployment import deploy as deployments
from mlops_loop.deployment.image import Image
from mlops_loop.deployment.results import AutoRollback, Deployment, ReleaseReverted
from mlops_loop.deployment.smoke import SmokeResult
from mlops_loop.errors import NotAttested, SmokeFailed, UsageError
from mlops_loop.model import bundle as bundles
from mlops_loop.registry import ledger, release_order
from mlops_loop.registry.entries import Entry

ROOT = Path()
OUTCOMES = {
    "changed": "",
    "unchanged": "Nothing new: ",
    "superseded": "Not deployed, production is newer: ",
}
url = click.option("--url", envvar="PRODUCTION_URL", default="", help="Of the endpoint, to ask it.")
timeout = click.option("--timeout-s", type=float, default=600.0, show_default=True)
bundle_option = click.option("--bundle", type=file, default=paths.BUNDLE, show_default=True)


def _target(url: str, timeout_s: float, attested: bool = False) -> deployments.Target:
    commit = os.environ.get("GITHUB_SHA", "")
    return deployments.Target(ROOT, Image(ROOT), url, timeout_s, commit, attested)


@click.command("image-tag", epilog=example("image-tag"))
@click.option("--signed", is_flag=True, help="An unsigned one is built again, if public.")
def image_tag(signed: bool) -> None:
    """Print name and tag of this commit's image, and whether it exists already."""
    plan = Image(ROOT).plan(ROOT)
    if signed and plan["digest"] and _is_public():
        plan["digest"] = _signed_digest(plan)
    print_outputs(plan)


@click.command("verify-image", epilog=example("verify-image ghcr.io/OWNER/NAME@sha256:..."))
@click.argument("image")
@bundle_option
@click.option("--policy", type=file, default=paths.GATE_POLICY, show_default=True)
@click.option("--out", type=file, default=paths.MEASUREMENTS)
@click.option("--timeout-s", type=float, default=60.0, show_default=True)
def verify_image(image: str, bundle: Path, **call: Any) -> None:
    """Run IMAGE locked down, ask it the golden rows, measure latency and size."""
    model = bundles.load(bundle)
    checked = container_check.check_image(image, model, ran=_images(model.id), **call)
    measured = ", ".join(f"{name} {value:.3g}" for name, value in checked.measurements.items())
    click.echo(f"{answers(checked.smoke)}; {measured}")


def _images(bundle_id: str) -> set[str]:
    """The images that the version of a bundle ran with, as far as this clone knows."""
    with suppress(UsageError):
        git.check_repository(ROOT)
        entries = ledger.local(ROOT)
        version = entries.version_of_bundle(bundle_id)
        return entries.images(version.version) if version else set()
    return set()


@click.command(epilog=example("deploy latest", "deploy v1.4.0 --digest sha256:..."))
@click.argument("version")
@click.option("--digest", help="Of its image.  [default: what it ran with, or its tag]")
@click.option("--why", default="passed the gate", show_default=True)
@click.option("--attested/--unsigned", help="What verify-attestation found, for the ledger.")
@click.option("--announce", is_flag=True, help="Then create the version's release on GitHub.")
@url
@timeout
def deploy(version: str, digest: str | None, announce: bool, why: str, **where: Any) -> None:
    """Put a registered VERSION into production, and check that it answers.

    Writes the ledger and moves the image's tag production. Where the endpoint's address is known,
    waits for it and asks the golden rows; if that fails, the previous version is restored.
    """
    target, entries, verdict = _target(**where), ledger.fetch(ROOT), None
    if version == "bundle":
        registered = entries.version_of_bundle(bundles.load(paths.BUNDLE).id)
        version = registered.version if registered else "of models/bundle"
        verdict = release_order.read_verdict(ROOT) if target.commit else None
    try:
        result = deployments.deploy(target, version, digest, why, verdict)
    except ReleaseReverted as error:
        raise SmokeFailed(f"{error} {_restored(target, error.rollback)}") from error
    click.echo(_deployment(target, result))
    if announce and (result.outcome != "superseded" or entries.runs(version)):
        from mlops_loop.github import github_release

        release = github_release.create_once(entries.find(version), bundles.load(paths.BUNDLE))
        click.echo(f"{'Released' if release.is_new else 'Nothing to do, it exists:'} {release.url}")


@click.command(epilog=example('rollback --why "late answers"', "rollback v1.2.0 --why bad"))
@click.argument("to", default="previous")
@click.option("--why", required=True, help="The reason, for those who read the history.")
@click.option("--hold/--no-hold", default=True, show_default=True, help="Refuse later versions.")
@url
@timeout
def rollback(to: str, why: str, hold: bool, url: str, timeout_s: float) -> None:
    """Restore the previous version, or a named one, with the image it ran with."""
    target = _target(url, timeout_s)
    click.echo(_deployment(target, deployments.rollback(target, to, why, hold)))


@click.command(epilog=example("incident --outcome success --why 'late answers'"))
@click.option("--outcome", required=True, help="How the rollback ended.")
@click.option("--to", default="", help="The version that it returned to.")
@click.option("--instead-of", default="", help="The version that it replaced.")
@click.option("--why", required=True, help="The reason that was given.")
def incident(**facts: str) -> None:
    """Open one issue about the rollback that this workflow ran, failed or not."""
    from mlops_loop.github import incident as incidents

    click.echo(f"Reported in {incidents.report(ROOT, incidents.Rollback(**facts))}")


def _is_public() -> bool:
    from mlops_loop.github.visibility import visibility

    return visibility() == "public"


def _signed_digest(plan: Mapping[str, str]) -> str:
    """The digest of an earlier build that this workflow signed; empty, so it is built again."""
    from mlops_loop.github.api import repository_name

    try:
        image, commit = f"{plan['name']}@{plan['digest']}", os.environ.get("GITHUB_SHA", "")
        attestation.verify(image, repository_name(), commit)
    except NotAttested as error:
        click.echo(f"{error}. So it is built again.", err=True)
        return ""
    return plan["digest"]


def _deployment(target: deployments.Target, result: Deployment) -> str:
    parts = [f"{OUTCOMES[result.outcome]}{_in_production(result.current)}."]
    parts += _pointer(target, result.pointer_synced)
    return " ".join([*parts, *_check(result.smoke)])


def _restored(target: deployments.Target, result: AutoRollback) -> str:
    """What followed a failed release; in a message after the reason."""
    if result.ledger_error:
        tag = f"is back at {result.digest}" if result.digest else "has no earlier image"
        return f"The tag production {tag}, and the ledger was not written: {result.ledger_error}"
    now, pointer = _in_production(result.current), _pointer(target, result.pointer_synced)
    if not result.digest:
        return " ".join(["No image ran before.", *pointer, f"Now {now}."])
    parts = [f"The previous version is restored: {now}.", *pointer, *_check(result.smoke)]
    if result.smoke_error:
        parts.append(f"Its endpoint is not verified yet: {result.smoke_error}")
    return " ".join(parts)


def _check(result: SmokeResult | None) -> list[str]:
    return [answers(result)] if result else []


def _in_production(entry: Entry | None) -> str:
    return entry.describe() if entry else "nothing is in production"


def _pointer(target: deployments.Target, synced: bool) -> list[str]:
    """What to say about the image's tag, unless it agrees with the ledger."""
    registry = target.image.url
    return [] if synced else [f"{registry} cannot delete its tag production, which is out of date."]
