"""The verbs `try`, `deploy`, `rollback` and `registry show`; what they do is in the neighbours."""

from __future__ import annotations

import importlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ..delivery.registry_cli import BUNDLE, as_json, print_entries, registry, tell
from ..errors import COMMAND, ProjectError, example

url = click.option("--url", envvar="PRODUCTION_URL", default="", help="Of the endpoint, to ask it.")
timeout = click.option("--timeout-s", type=float, default=600.0, show_default=True)


def _import(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)  # the container has none of it


def _target(url: str, timeout_s: float) -> Any:
    image = _import("image").Image(Path())
    commit = os.environ.get("GITHUB_SHA", "")
    return _import("deploy").Target(Path(), image, url, timeout_s, commit)


@click.command("try", epilog=example("try ghcr.io/OWNER/NAME@sha256:..."))
@click.argument("image")
@click.option("--bundle", type=click.Path(path_type=Path), default=BUNDLE, show_default=True)
@click.option("--policy", type=click.Path(path_type=Path), default="gate.yaml", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default="reports/budgets.json")
@click.option("--timeout-s", type=float, default=60.0, show_default=True)
def try_image(image: str, bundle: Path, **call: Any) -> None:
    """Run IMAGE locked down, ask it the golden rows, measure its latency and size."""
    from .. import bundle as bundles

    click.echo(_import("trial").run(image, bundles.load(bundle), **call))


@click.command(epilog=example("deploy latest", "deploy v1.4.0 --digest sha256:..."))
@click.argument("version")
@click.option("--digest", help="Of its image.  [default: what it ran with, or its tag]")
@click.option("--why", default="passed the gate", show_default=True)
@click.option("--announce", is_flag=True, help="Then make the version's page on GitHub.")
@url
@timeout
def deploy(version: str, digest: str | None, announce: bool, why: str, **where: Any) -> None:
    """Put a registered VERSION (or latest, or bundle: that of models/bundle) into production.

    Writes the ledger, moves the image's tag production, and where the endpoint's address is known
    waits for it and asks the golden rows; puts back what ran before where it does not answer.
    """
    from .. import bundle as bundles

    target, ledger = _target(**where), _import("deploy").registry.fetch(Path())
    if version == "bundle":
        made = ledger.version_of_bundle(bundles.load(BUNDLE).id)
        version = made.version if made else "of models/bundle"
    click.echo(_import("deploy").deploy(target, version, digest, why))
    if announce:
        click.echo(_import("announce").run(ledger.find(version), bundles.load(BUNDLE)))


@click.command(epilog=example("image"))
def image() -> None:
    """Name the image of this commit and model: what to build, or which one was built already."""
    tell(_import("image").Image(Path()).plan(Path()))


@click.command(epilog=example('rollback --why "late answers"', "rollback v1.2.0 --why bad"))
@click.argument("to", default="previous")
@click.option("--why", required=True, help="The reason, for those who read the history.")
@click.option("--hold/--no-hold", default=True, show_default=True, help="Refuse later versions.")
@url
@timeout
def rollback(to: str, why: str, hold: bool, url: str, timeout_s: float) -> None:
    """Put the previous version, or a named one, back: the very image that it ran with."""
    click.echo(_import("deploy").rollback(_target(url, timeout_s), to, why, hold))


@registry.command(epilog=example("registry show"))
@as_json
@click.pass_obj
def show(tags: Any, machine: bool) -> None:
    """Show what each stage holds now, and whether the image's tag agrees."""
    ledger = tags.read(Path())
    print_entries(list(ledger.stages().values()), machine)
    with suppress(ProjectError):  # no image, no network, no login: nothing to compare with
        image = _import("image").Image(Path(), retries=_import("image").ONCE)
        if problem := _import("deploy").disagreement(image, ledger):
            click.echo(f"{problem} Next: {COMMAND} deploy VERSION", err=True)


@registry.command(epilog=example("registry fetch v1.2.0", "registry fetch --image previous"))
@click.argument("version", default="production")
@click.option("--image", "with_image", is_flag=True, help="Only what a rollback can return to.")
@as_json
def fetch(version: str, with_image: bool, machine: bool) -> None:
    """Bring the model of a VERSION (or production, or previous) to models/bundle.

    With --image it also finds the very image that this version ran with.
    """
    from ..delivery import champion

    ledger = _import("deploy").registry.fetch(Path())
    now, facts = ledger.current(), {}
    if with_image:
        image = _import("image").Image(Path())
        chosen, digest = _import("deploy").past(image, ledger, version)
        image.check(digest)
        facts = {"image": f"{image.url.partition('://')[2]}@{digest}"}
        facts["instead_of"] = now.version if now else ""
    else:
        named = {"production": now, "previous": ledger.previous()}.get(version)
        chosen = ledger.find(named.version if named else version)
    model = champion.bring(Path(), chosen, BUNDLE)
    facts |= {"version": chosen.version, "bundle": model.id}
    click.echo(json.dumps(facts, indent=2)) if machine else tell(facts)


@click.command(epilog=example("incident --outcome success --why 'late answers'"))
@click.option("--outcome", required=True, help="How the rollback ended.")
@click.option("--to", default="", help="The version that it returned to.")
@click.option("--instead-of", default="", help="The version that it replaced.")
@click.option("--why", required=True, help="The reason that was given.")
def incident(**facts: str) -> None:
    """Open one issue about the rollback that this workflow ran, also where it failed."""
    click.echo(_import("incident").run(Path(), **facts))


def add_to(cli: click.Group) -> None:
    for command in (image, try_image, deploy, rollback, incident):
        cli.add_command(command)
