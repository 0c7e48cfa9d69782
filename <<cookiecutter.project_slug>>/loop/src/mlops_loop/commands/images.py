"""The commands `verify-attestation` and `clean-images`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from mlops_loop.commands.console import example, print_outputs
from mlops_loop.deployment import attestation, cleaning
from mlops_loop.deployment.image import Image
from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository, repository_name
from mlops_loop.github.packages import Package
from mlops_loop.github.visibility import visibility
from mlops_loop.registry import ledger
from mlops_loop.registry.tags import image_digests

ROOT = Path()
PRIVATE = (
    "This repository is {}, and images are signed in public ones only: the digest in the ledger "
    "alone says which image belongs to a version."
)
UNRECORDED = (
    "By the ledger, {} was deployed without a signature (the repository was private, or images "
    "were not signed yet): its digest in the ledger alone says that it belongs to its version."
)
ELSEWHERE = (
    "The image is at {}, which is not this repository's registry on GitHub: use the rules of that "
    "registry to clean it. Nothing was deleted."
)


@click.command(
    "verify-attestation",
    epilog=example("verify-attestation ghcr.io/OWNER/NAME@sha256:... --commit HEAD_SHA"),
)
@click.argument("image")
@click.option("--commit", default="", help="That it was built from.  [default: any of main]")
@click.option("--recorded", is_flag=True, help="Only where the ledger says that it was verified.")
def verify_attestation(image: str, commit: str, recorded: bool) -> None:
    """Verify that this repository's workflow release signed IMAGE.

    Needs gh. With --recorded, for a rollback: the commit is the one of the ledger. Exits with 12
    where the signature is missing, of another workflow, branch, commit or repository.
    """
    name = repository_name()
    if (kind := visibility()) != "public":
        return _report(False, PRIVATE.format(kind))
    if recorded:
        if not (run := ledger.fetch(ROOT).attested(image)):
            return _report(False, UNRECORDED.format(image))
        commit = run.note.get("commit") or ""
    _report(True, f"{image} is {attestation.verify(image, name, commit).describe()}.")


def _report(attested: bool, text: str) -> None:
    """For people, and for the step that writes the ledger."""
    click.echo(text)
    print_outputs({"attested": str(attested).lower()})


@click.command("clean-images", epilog=example("clean-images", "clean-images --delete"))
@click.option("--older-than", "days", type=click.IntRange(1), default=30, show_default=True,
              help="Days since the last change of a version.")  # fmt: skip
@click.option("--delete", is_flag=True, help="Delete; without it, only show what would be deleted.")
def clean_images(days: int, delete: bool) -> None:
    """Show or delete the untagged parts of images that nothing needs.

    In GitHub's registry, where attestations and indexes leave versions without a tag.

    Kept: all tags, all images of the ledger, their parts and attestations, and what is young.
    Exits with 6 and deletes nothing where a manifest cannot be read.
    """
    ledger.fetch(ROOT)
    image = Image(ROOT)
    if not (name := cleaning.package(image.url, repository_name())):
        return click.echo(ELSEWHERE.format(image.url))
    package = Package(Repository(), name)
    before = datetime.now(UTC) - timedelta(days=days)
    plan = cleaning.plan(image.registry, package.versions(), image_digests(ROOT), before)
    for version in plan.deletable:
        click.echo(f"{version.digest} of {version.updated:%Y-%m-%d}")
    n = len(plan.deletable)
    kept = f"{plan.kept} versions of {image.url} stay"
    if not delete or not n:
        after = f"{n} can be deleted. Next: loop clean-images --delete" if n else "none can go"
        return click.echo(f"{kept}, {after}.")
    click.echo(f"{kept}, {_delete(package, plan)} of {n} were deleted.")


def _delete(package: Package, plan: cleaning.Plan) -> int:
    """How many were deleted; raises GitHubRefused at the end where some were refused."""
    deleted, refused = 0, []
    for version in plan.deletable:
        try:
            deleted += package.delete_untagged(version)
        except GitHubRefused as error:
            refused.append(error)
    if refused:
        done = f"{len(refused)} versions were not deleted, {deleted} were"
        raise GitHubRefused(f"{done}: {refused[0]}", refused[0].status)
    return deleted
