"""The verbs `doctor` and `harden`; what they do is in the neighbours."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import click

from ..errors import COMMAND, GitHubRefused, example


def _import(name: str) -> Any:
    return importlib.import_module(f".{name}", __package__)  # GitHub's client is not in the image


@click.command(epilog=example("doctor --json"))
@click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")
def doctor(machine: bool) -> None:
    """List what the repository on GitHub has and lacks; change nothing.

    Leaves with 1 where something that matters is missing, 9 where this login cannot tell.
    """
    module = _import("doctor")
    told, findings = module.examine()
    state = json.dumps(module.to_json(told, findings), indent=2) if machine else ""
    click.echo(state or module.render(told, findings))
    sys.exit(module.exit_code(findings))


@click.command(epilog=example("harden --yes"))
@click.option("--yes", is_flag=True, help="Do not ask. Without a terminal it only shows.")
def harden(yes: bool) -> None:
    """Set what doctor found missing, as whoever is logged in, and show it first."""
    module, (told, findings) = _import("harden"), _import("doctor").examine()
    click.echo(_import("doctor").head(told))
    if not (steps := module.plan(told, findings)):
        return click.echo("Nothing to set.")
    click.echo(f"To be set:\n{module.render(steps)}")
    if not yes and not (sys.stdin.isatty() and click.confirm("Set this?")):
        return click.echo(f"Nothing was set. Next: {COMMAND} harden --yes")
    done, left = module.carry_out(told, steps)
    click.echo("\n".join(f"set: {name}" for name in done))
    if left:
        raise GitHubRefused("Not set: " + "; ".join(left))


def add_to(cli: click.Group) -> None:
    for command in (doctor, harden):
        cli.add_command(command)
