"""The verbs `registry list|show|history|register|assign`; what they do is in `registry.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from .. import bundle as bundles
from ..errors import UsageError
from . import git
from . import registry as tags
from .ledger import COMMAND, Assignment, Version
from .lock import OUTPUT

PROJECT = Path()
NONE_YET = f"No version is registered yet. Next: make pipeline, {COMMAND} gate, then register."
as_json = click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")


def _example(*calls: str) -> str:
    """The end of a help text; \\b keeps click from joining the lines."""
    lines = (f"  {COMMAND} registry {call}" for call in calls)
    return "\n".join(("\b", "Example:", *lines))


@click.group(epilog=_example("register", 'assign v1.0.0 --why "first model"', "show"))
def registry() -> None:
    """What was registered, what is in production, and what was before.

    The registry is the repository's git tags: model@v1.4.0 is a version, model#production#7
    says that a version went into production. Nothing else is needed, neither a server nor an
    account.
    """


@registry.command("list", epilog=_example("list"))
@as_json
def list_versions(machine: bool) -> None:
    """List all versions, newest first."""
    ledger = tags.read(PROJECT)
    found = ledger.versions[::-1]
    if machine:
        return _print_json(found)
    if not found:
        return click.echo(NONE_YET)
    now = [(stage, ledger.current(stage)) for stage in ledger.stages]
    rows = [
        (*_facts(item), ", ".join(s for s, a in now if a and a.version == item.version) or "-")
        for item in found
    ]
    _print_table(("VERSION", "TIME (UTC)", "COMMIT", "BUNDLE", "GATE", "STAGE"), rows)


def _facts(item: Version) -> tuple[str, ...]:
    decision = (item.verdict or {}).get("decision", "-")
    return item.version, _time(item.time), item.commit[:10], item.bundle_id or "-", decision


@registry.command(epilog=_example("show", "show v1.0.0"))
@click.argument("version", required=False)
@as_json
def show(version: str | None, machine: bool) -> None:
    """Show what each stage holds now; with VERSION, all that is known of a version."""
    ledger = tags.read(PROJECT)
    if version:
        return _print_json(ledger.find(version))
    now = {stage: ledger.current(stage) for stage in ledger.stages}
    if machine:
        return _print_json({"latest": ledger.latest, "stages": now})
    if not now:
        return click.echo(_nothing_assigned(ledger.latest))
    for assignment in now.values():
        _print_assignment(assignment)


def _nothing_assigned(latest: Version | None) -> str:
    if latest is None:
        return NONE_YET
    return (
        f"Nothing is in production; the latest version is {latest.version}. "
        f"Next: {COMMAND} registry assign {latest.version} --why REASON"
    )


def _print_assignment(item: Assignment) -> None:
    held = "yes: the next version waits until a person lifts it (assign --lift-hold)"
    facts = {
        item.stage: f"{item.version}  (assignment {item.number})",
        "since": _time(item.time),
        "who": item.who,
        "why": item.why,
        "before": item.previous or "-",
        "image": item.image_digest or "-",
        "hold": held if item.hold else "no",
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {value}")


@registry.command(epilog=_example("history"))
@as_json
def history(machine: bool) -> None:
    """Tell all that happened, newest first."""
    events = tags.history(PROJECT)[::-1]
    if machine:
        named = [{"event": _event(item).split()[0], **asdict(item)} for item in events]
        return _print_json(named)
    if not events:
        return click.echo(NONE_YET)
    rows = [(_time(item.time), item.version, _event(item), _detail(item)) for item in events]
    _print_table(("TIME (UTC)", "VERSION", "EVENT", "DETAIL"), rows)


def _event(item: Version | Assignment) -> str:
    if isinstance(item, Version):
        return "registered"
    return f"assigned to {item.stage}" + (", hold" if item.hold else "")


def _detail(item: Version | Assignment) -> str:
    if isinstance(item, Assignment):
        return f"{item.who}: {item.why}"
    decision = (item.verdict or {}).get("decision", "no verdict")
    return f"bundle {item.bundle_id or '?'}, gate {decision}"


@registry.command(epilog=_example("register", "register --bump major"))
@click.option("--version", help="Name of the version, as v2.0.0. Default: the next one.")
@click.option(
    "--bump",
    type=click.Choice(["major", "minor", "patch"]),
    default="minor",
    show_default=True,
    help="Which part of the greatest version to raise.",
)
@click.option(
    "--gate",
    type=click.Path(path_type=Path),
    default=Path("reports/gate.json"),
    show_default=True,
    help="The gate's verdict.",
)
@click.option("--who", help="Who registers. Default: git's user.name.")
@as_json
def register(
    version: str | None, bump: tags.Bump, gate: Path, who: str | None, machine: bool
) -> None:
    """Register the model in models/bundle as a version, if the gate let it pass.

    Tags the commit whose dvc.lock holds the model. Twice changes nothing.
    """
    model = bundles.load(PROJECT / OUTPUT)
    verdict = _read_verdict(gate)
    made, new = tags.register(PROJECT, model, verdict, version, bump=bump, who=who)
    if machine:
        return _print_json({"changed": new, "version": made})
    what = "Registered" if new else "Nothing to do: it is registered already,"
    click.echo(f"{what} bundle {model.id} as {made.version} (commit {made.commit[:10]}).")
    _say_push(new, made.tag)


def _read_verdict(path: Path) -> dict[str, Any] | None:
    try:
        verdict = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}. Next: {COMMAND} gate") from error
    if not isinstance(verdict, dict):
        raise UsageError(f"{path} is not a verdict of the gate. Next: {COMMAND} gate")
    return verdict


@registry.command(
    epilog=_example(
        'assign v1.1.0 --why "passed the gate"',
        'assign v1.0.0 --hold --why "v1.1.0 answers too slowly"',
        'assign v1.2.0 --lift-hold --why "speed repaired"',
    )
)
@click.argument("version")
@click.option("--stage", default="production", show_default=True, help="Where it goes.")
@click.option("--why", required=True, help="The reason, for those who read the history.")
@click.option("--who", help="Who decides. Default: git's user.name.")
@click.option("--image", help="Digest of the deployed container, as sha256:...")
@click.option("--hold", is_flag=True, help="A rollback: refuse later versions until lifted.")
@click.option("--lift-hold", is_flag=True, help="End the hold that is in force.")
@as_json
def assign(version: str, machine: bool, **call: Any) -> None:
    """Put a registered VERSION (or latest) into a stage, and say why."""
    made, new = tags.assign(PROJECT, version, **call)
    if machine:
        return _print_json({"changed": new, "assignment": made})
    what = "" if new else "Nothing to do: "
    held = "; held until a person lifts it" if made.hold else ""
    click.echo(f"{what}{made.stage} holds {made.version} (assignment {made.number}){held}.")
    _say_push(new, made.tag)


def _say_push(new: bool, tag: str) -> None:
    if new and git.has_remote(PROJECT):
        click.echo(f"Others see it after: git push origin '{tag}'")


def _time(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    return _time(value) if isinstance(value, datetime) else asdict(value)


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())
