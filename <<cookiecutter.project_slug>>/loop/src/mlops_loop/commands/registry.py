"""The commands `registry list|history|show|register|assign|fetch`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from mlops_loop import git, paths
from mlops_loop.commands.console import as_json, example, print_outputs, push, to_json
from mlops_loop.errors import ProjectError
from mlops_loop.registry import ledger, release_order
from mlops_loop.registry.entries import Entry, Ledger

ROOT = Path()
SILENT = ("verdict", "version")  # parts of a note that a line leaves out, or has already


@click.group(
    epilog=example(
        "registry register", 'registry assign latest --why "first model"', "registry show"
    )
)
def registry() -> None:
    """Versions and assignments: git tags.

    model@v1.4.0 is a version, model#production#7 says that a version went into production.
    """


@registry.command("list", epilog=example("registry list"))
@as_json
def list_versions(machine: bool) -> None:
    """List all versions, the newest first."""
    _print_entries(ledger.read(ROOT).versions[::-1], machine)


@registry.command(epilog=example("registry history"))
@as_json
def history(machine: bool) -> None:
    """List all registrations and assignments, the newest first."""
    _print_entries(ledger.read(ROOT).history()[::-1], machine)


@registry.command(epilog=example("registry show"))
@as_json
def show(machine: bool) -> None:
    """Show what each stage holds now, and whether the image's tag agrees."""
    entries = ledger.read(ROOT)
    _print_entries(list(entries.stages().values()), machine)
    with suppress(ProjectError):  # no image, no network, no login: nothing to compare with
        _warn_of_mismatch(entries)


def _warn_of_mismatch(entries: Ledger) -> None:
    from mlops_loop.deployment import pointer
    from mlops_loop.deployment.image import ONCE, Image

    if mismatch := pointer.disagreement(Image(ROOT, retries=ONCE), entries):
        click.echo(f"{mismatch.describe()} Next: loop deploy VERSION", err=True)


@registry.command(epilog=example("registry register", "registry register --bump major"))
@push
@click.option("--commit", is_flag=True, help="Commit the dvc.lock that training wrote before.")
@click.option("--bump", type=click.Choice(["major", "minor", "patch"]), default="minor")
@click.option("--expect", default="", help="The version that its image was built with.")
@as_json
def register(push: bool, machine: bool, **call: Any) -> None:
    """Register the model in models/bundle as a version, if the gate let it pass.

    Tags the commit whose dvc.lock holds the model. A second time it changes nothing. A workflow
    registers nothing where production has a later commit than its own.
    """
    from mlops_loop.model import bundle

    model, entries = bundle.load(paths.BUNDLE), ledger.read(ROOT)
    now = entries.current()
    if now and release_order.is_superseded(ROOT, os.environ.get("GITHUB_SHA", ""), now):
        return _print_superseded(now, machine)
    verdict = release_order.read_verdict(ROOT)
    entry, is_new = ledger.register(ROOT, model, verdict, push=push, **call)
    _print_change(entry, is_new, push, machine)


@registry.command(
    epilog=example(
        'registry assign latest --why "passed"', "registry assign v1.0.0 --hold --why bad"
    )
)
@click.argument("version")
@push
@click.option("--stage", default="production", show_default=True, help="Where it goes.")
@click.option("--why", required=True, help="The reason, for those who read the history.")
@click.option("--image", help="Digest of the deployed container, as sha256:...")
@click.option("--hold/--lift-hold", default=None, help="Refuse later versions, until lifted.")
@as_json
def assign(version: str, push: bool, machine: bool, **call: Any) -> None:
    """Put a registered VERSION (or latest) into a stage, with a reason."""
    _print_change(*ledger.assign(ROOT, version, push=push, **call), push, machine)


@registry.command(epilog=example("registry fetch v1.2.0", "registry fetch --image previous"))
@click.argument("version", default="production")
@click.option("--image", "with_image", is_flag=True, help="Only what a rollback can return to.")
@as_json
def fetch(version: str, with_image: bool, machine: bool) -> None:
    """Fetch the model of a VERSION (or production, or previous) to models/bundle.

    With --image it also prints the image that this version ran with.
    """
    from mlops_loop.registry import champion

    entries = ledger.fetch(ROOT)
    if with_image:
        chosen, facts = _with_image(entries, version)
    else:
        chosen, facts = entries.named(version), {}
    model = champion.fetch_version(ROOT, chosen, paths.BUNDLE)
    facts |= {"version": chosen.version, "bundle": model.id}
    click.echo(to_json(facts)) if machine else print_outputs(facts)


def _with_image(entries: Ledger, version: str) -> tuple[Entry, dict[str, str]]:
    from mlops_loop.deployment import deploy
    from mlops_loop.deployment.image import Image

    image, now = Image(ROOT), entries.current()
    chosen, digest = deploy.rollback_target(image, entries, version)
    deploy.check_image(ROOT, image, entries, chosen, digest)
    facts = {"image": f"{image.url.partition('://')[2]}@{digest}"}
    return chosen, facts | {"instead_of": now.version if now else ""}


def _print_change(entry: Entry, is_new: bool, push: bool, machine: bool) -> None:
    if machine:
        return click.echo(to_json({"changed": is_new, "entry": entry}))
    click.echo(_line(entry) if is_new else f"Nothing to do, it exists already: {_line(entry)}")
    if is_new and not push and git.has_origin(ROOT):
        click.echo(f"Others see it after: git push origin '{entry.tag}'")


def _print_superseded(now: Entry, machine: bool) -> None:
    if machine:
        return click.echo(to_json({"changed": False, "entry": now}))
    click.echo(f"Not registered, production is newer: {now.describe()}.")


def _print_entries(entries: list[Entry], machine: bool) -> None:
    nothing = f"None yet. Next: {Ledger([], []).first_step()}"
    click.echo(to_json(entries) if machine else "\n".join(map(_line, entries)) or nothing)


def _line(entry: Entry) -> str:
    """For people; repr makes what others wrote into an annotation safe for a terminal."""
    note = " ".join(f"{k}={v!r}" for k, v in entry.note.items() if v and k not in SILENT)
    return f"{entry.time}  {entry.version:<8} {entry.tag:<20} {note}"
