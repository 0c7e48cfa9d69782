"""The commands `cloud login|policy`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mlops_loop import job_token
from mlops_loop.commands.console import example
from mlops_loop.storage import cloud_login

ROOT = Path()


@click.group(epilog=example("cloud login", "cloud login --role writer"))
def cloud() -> None:
    """Login to the cloud of a bucket by the job's own identity: no secret."""


@cloud.command(epilog=example("cloud login", "cloud login --role writer"))
@click.option(
    "--role",
    type=click.Choice(cloud_login.ROLES),
    default="reader",
    show_default=True,
    help="Which role of CLOUD_LOGIN. The cloud gives `writer` to main alone.",
)
def login(role: str) -> None:
    """Log this job in to the store's bucket, for its later steps.

    The variable CLOUD_LOGIN names the roles; without it nothing happens. Runs of forks and of
    Dependabot have no identity: nothing happens either, and `loop store pull` starts cold.
    """
    from mlops_loop.github.api import is_stranger

    if not os.environ.get(cloud_login.VARIABLE):
        return click.echo(f"{cloud_login.VARIABLE} is not set: nothing to log in to.")
    if not job_token.is_given(os.environ) and is_stranger():
        return click.echo("GitHub gives a run of a fork or of Dependabot no identity: no login.")
    done = cloud_login.log_in(ROOT, role)
    click.echo(f"Logged in as the {done.role} {done.identity}.")
