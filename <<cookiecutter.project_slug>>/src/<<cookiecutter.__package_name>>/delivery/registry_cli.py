"""The verbs `registry list|show|history|register|assign`; what they do is in `registry.py`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..errors import COMMAND, UsageError, example
from . import git

GATE, BUNDLE = Path("reports/gate.json"), Path("models/bundle")
push = click.option("--push", is_flag=True, help="Tell origin, too.")
as_json = click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")


def tell(facts: dict[str, str]) -> None:
    """Print facts for people and, in a workflow, as the outputs of its step."""
    lines = [f"{name}={' '.join(text.split())}" for name, text in facts.items()]
    click.echo("\n".join(lines))
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as output:
            output.write("\n".join([*lines, ""]))


@click.group(
    epilog=example(
        "registry register", 'registry assign latest --why "first model"', "registry show"
    )
)
@click.pass_context
def registry(context: click.Context) -> None:
    """Versions and assignments: git tags.

    model@v1.4.0 is a version, model#production#7 says that a version went into production.
    """
    from . import registry as tags  # gto is not in the container

    context.obj = tags


def _add_reader(name: str, text: str, chosen: Callable[[Any], list]) -> None:
    @registry.command(name, help=text, epilog=example(f"registry {name}"))
    @as_json
    @click.pass_obj
    def read(tags: Any, machine: bool) -> None:
        print_entries(chosen(tags.read(Path())), machine)


_add_reader("list", "List all versions, the greatest first.", lambda all: all.versions[::-1])
_add_reader("history", "Tell all that happened, newest first.", lambda all: all.history()[::-1])


@registry.command(epilog=example("registry register", "registry register --bump major"))
@push
@click.option("--commit", is_flag=True, help="Commit the dvc.lock that training wrote before.")
@click.option("--bump", type=click.Choice(["major", "minor", "patch"]), default="minor")
@as_json
@click.pass_obj
def register(tags: Any, bump: str, push: bool, commit: bool, machine: bool) -> None:
    """Register the model in models/bundle as a version, if the gate let it pass.

    Tags the commit whose dvc.lock holds the model. Twice changes nothing.
    """
    from .. import bundle

    model = bundle.load(BUNDLE)
    verdict = tags.json_object(GATE.read_text("utf-8")) if GATE.exists() else {}
    if commit and not tags.read(Path()).version_of_bundle(model.id):
        tags.commit_lock(Path())
    made = tags.register(Path(), model, verdict, bump)
    _print_change(*made, push, machine)


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
@click.pass_obj
def assign(tags: Any, version: str, push: bool, machine: bool, **call: Any) -> None:
    """Put a registered VERSION (or latest) into a stage, and say why."""
    _print_change(*tags.assign(Path(), version, **call), push, machine)


def _print_change(entry: Any, new: bool, push: bool, machine: bool) -> None:
    if push and not git.push_tags(Path(), entry.tag):
        git.run(Path(), "tag", "--delete", entry.tag)
        told = f"Another run has pushed another {entry.tag}"
        raise UsageError(f"{told}. Next: git fetch --tags --force, then the same command")
    if machine:
        return click.echo(_json({"changed": new, "entry": entry}))
    click.echo(_line(entry) if new else f"Nothing to do, there is already: {_line(entry)}")
    if new and not push and git.run(Path(), "remote").stdout:
        click.echo(f"Others see it after: git push origin '{entry.tag}'")


def print_entries(entries: list, machine: bool) -> None:
    nothing = f"None yet. Next: make pipeline gate, then {COMMAND} registry register and assign."
    click.echo(_json(entries) if machine else "\n".join(map(_line, entries)) or nothing)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, default=asdict)


def _line(item: Any) -> str:
    """For people; repr keeps a terminal safe from what others wrote into an annotation."""
    note = " ".join(f"{k}={v!r}" for k, v in item.note.items() if v and k != "verdict")
    return f"{item.time}  {item.version:<8} {item.tag:<20} {note}"
