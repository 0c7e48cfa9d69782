"""The commands `doctor` and `harden`."""

from __future__ import annotations

import sys

import click

from mlops_loop.commands.console import as_json, example, to_json
from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository
from mlops_loop.repository.doctor import as_dict, diagnose, exit_code, head, render
from mlops_loop.repository.github_state import RepositoryState
from mlops_loop.repository.harden import carry_out, plan


@click.command(epilog=example("doctor --json"))
@as_json
def doctor(machine: bool) -> None:
    """List what the repository on GitHub has and lacks; change nothing.

    Exits with 1 where something required is missing, 9 where this login cannot tell.
    """
    state = RepositoryState(Repository())
    findings = diagnose(state)
    click.echo(to_json(as_dict(state, findings)) if machine else render(state, findings))
    sys.exit(exit_code(findings))


@click.command(epilog=example("harden --yes"))
@click.option("--yes", is_flag=True, help="Do not ask. Without a terminal it only shows.")
def harden(yes: bool) -> None:
    """Set what doctor found missing, as whoever is logged in; show it first."""
    state = RepositoryState(Repository())
    steps = plan(state, diagnose(state))
    click.echo(head(state))
    if not steps:
        return click.echo("Nothing to set.")
    click.echo("\n".join(["To be set:", *map(str, steps)]))
    if not yes and not (sys.stdin.isatty() and click.confirm("Set this?")):
        return click.echo("Nothing was set. Next: loop harden --yes")
    outcome = carry_out(state, steps)
    click.echo("\n".join(f"set: {name}" for name in outcome.done))
    if outcome.failed:
        raise GitHubRefused("Not set: " + "; ".join(outcome.failed))
