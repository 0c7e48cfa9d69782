"""The verbs `registry list|show|history|register|assign`; what they do is in `registry.py`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from .. import bundle as bundles
from . import git
from . import registry as tags

GATE = Path("reports/gate.json")
as_json = click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")


def _example(*calls: str) -> str:
    """The end of a help text; \\b keeps click from joining the lines."""
    return "\n".join(("\b", "Example:", *(f"  {tags.COMMAND} registry {call}" for call in calls)))


@click.group(epilog=_example("register", 'assign latest --why "first model"', "show"))
def registry() -> None:
    """What was registered, what is in production, and what was before.

    The registry is the repository's git tags: model@v1.4.0 is a version, model#production#7
    says that a version went into production.
    """


@registry.command("list", epilog=_example("list"))
@as_json
def list_versions(machine: bool) -> None:
    """List all versions, the greatest first."""
    _print(tags.read(Path()).versions[::-1], machine)


@registry.command(epilog=_example("show"))
@as_json
def show(machine: bool) -> None:
    """Show what each stage holds now."""
    _print(list(tags.read(Path()).stages().values()), machine)


@registry.command(epilog=_example("history"))
@as_json
def history(machine: bool) -> None:
    """Tell all that happened, newest first."""
    _print(tags.read(Path()).history()[::-1], machine)


@registry.command(epilog=_example("register", "register --bump major"))
@click.option("--bump", type=click.Choice(["major", "minor", "patch"]), default="minor")
@as_json
def register(bump: str, machine: bool) -> None:
    """Register the model in models/bundle as a version, if the gate let it pass.

    Tags the commit whose dvc.lock holds the model. Twice changes nothing.
    """
    verdict = tags.json_object(GATE.read_text("utf-8")) if GATE.exists() else {}
    made = tags.register(Path(), bundles.load(Path(tags.BUNDLE)), verdict, bump)
    _print_change(*made, machine)


@registry.command(epilog=_example('assign latest --why "passed"', "assign v1.0.0 --hold --why bad"))
@click.argument("version")
@click.option("--stage", default="production", show_default=True, help="Where it goes.")
@click.option("--why", required=True, help="The reason, for those who read the history.")
@click.option("--image", help="Digest of the deployed container, as sha256:...")
@click.option("--hold/--lift-hold", default=None, help="Refuse later versions, until lifted.")
@as_json
def assign(version: str, machine: bool, **call: Any) -> None:
    """Put a registered VERSION (or latest) into a stage, and say why."""
    _print_change(*tags.assign(Path(), version, **call), machine)


def _print_change(entry: tags.Entry, new: bool, machine: bool) -> None:
    if machine:
        return click.echo(_json({"changed": new, "entry": entry}))
    click.echo(_line(entry) if new else f"Nothing to do, there is already: {_line(entry)}")
    if new and git.run(Path(), "remote").stdout:
        click.echo(f"Others see it after: git push origin '{entry.tag}'")


def _print(entries: list[tags.Entry], machine: bool) -> None:
    nothing = (
        f"None yet. Next: make pipeline gate, then {tags.COMMAND} registry register and assign."
    )
    click.echo(_json(entries) if machine else "\n".join(map(_line, entries)) or nothing)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, default=asdict)


def _line(item: tags.Entry) -> str:
    """For people; repr keeps a terminal safe from what others wrote into an annotation."""
    note = " ".join(f"{k}={v!r}" for k, v in item.note.items() if v and k != "verdict")
    return f"{item.time}  {item.version:<8} {item.tag:<20} {note}"
