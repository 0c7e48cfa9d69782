"""The commands `doctor` and `harden`."""

from __future__ import annotations

import json
import sys

import click

from mlops_loop.commands.console import as_json, example
from mlops_loop.errors import GitHubRefused
from mlops_loop.repository import doctor as doctors
from mlops_loop.repository import harden as hardening


@click.command(epilog=example("doctor --json"))
@as_json
def doctor(machine: bool) -> None:
    """List what the repository on GitHub has and lacks; change nothing.

    Exits with 1 where something required is missing, 9 where this login cannot tell.
    """
    state, findings = doctors.examine()
    text = json.dumps(doctors.to_json(state, findings), indent=2) if machine else ""
    click.echo(text or doctors.render(state, findings))
    sys.exit(doctors.exit_code(findings))


@click.command(epilog=example("harden --yes"))
@click.option("--yes", is_flag=True, help="Do not ask. Without a terminal it only shows.")
def harden(yes: bool) -> None:
    """Set what doctor found missing, as whoever is logged in; show it first."""
    state, findings = doctors.examine()
    click.echo(doctors.head(state))
    if not (steps := hardening.plan(state, findings)):
        return click.echo("Nothing to set.")
    click.echo(f"To be set:\n{hardening.render(steps)}")
    if not yes and not (sys.stdin.isatty() and click.confirm("Set this?")):
        return click.echo("Nothing was set. Next: loop harden --yes")
    done, left = hardening.carry_out(state, steps)
    click.echo("\n".join(f"set: {name}" for name in done))
    if left:
        raise GitHubRefused("Not set: " + "; ".join(left))
