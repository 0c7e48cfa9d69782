"""The commands `cloud login|policy`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from mlops_loop import job_token
from mlops_loop.cloud.trust import ISSUER, Trust, read
from mlops_loop.commands.console import example, to_json
from mlops_loop.errors import UsageError
from mlops_loop.github.api import Repository, is_stranger
from mlops_loop.storage import cloud_login
from mlops_loop.storage.remote import dvc_settings
from mlops_loop.text import public_url

ROOT = Path()
NAME = re.compile("[a-z0-9][a-z0-9._-]*")  # of buckets, containers, projects, accounts, places


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
    if not os.environ.get(cloud_login.VARIABLE):
        return click.echo(f"{cloud_login.VARIABLE} is not set: nothing to log in to.")
    if not job_token.is_given(os.environ) and is_stranger():
        return click.echo("GitHub gives a run of a fork or of Dependabot no identity: no login.")
    done = cloud_login.log_in(ROOT, role)
    click.echo(f"Logged in as the {done.role} {done.identity}.")


def _word(context: click.Context, option: click.Parameter, value: str) -> str:
    """A name that a shell takes as it is; raises UsageError for another."""
    if NAME.fullmatch(value):
        return value
    raise UsageError(f"--{option.name}={value!r}: a name has a-z, 0-9, dots and hyphens")


def _place(kind: str) -> str:
    """BUCKET/PREFIX of the store's URL; raises UsageError for a store of another kind."""
    url = dvc_settings(ROOT).get("remote_config", {}).get("url", "")
    name, _, place = url.partition("://")
    if name == kind and all(map(NAME.fullmatch, place.strip("/").split("/"))):
        return place.strip("/")
    raise UsageError(
        f"The store is {public_url(url) or 'a registry'}, and this policy is for "
        f"{kind}://BUCKET/PREFIX, in a-z, 0-9, dots and hyphens. Next: set STORE_URL"
    )


def _trust(issuer: str) -> Trust:
    return read(Repository(), issuer)


@cloud.group(epilog=example("cloud policy aws > stack.json", "cloud policy gcp --project p > gcp"))
def policy() -> None:
    """Print the policy by which a cloud trusts this repository, and the commands that make it.

    Two roles: pull requests read, main writes. Nothing is made: read it, then run it as whoever may
    make roles. The ids of owner and repository come from GitHub.
    """


issuer = click.option(
    "--issuer", default=ISSUER, show_default=True, help="Who signs tokens, on GitHub Enterprise."
)


@policy.command(epilog=example("cloud policy aws > stack.json"))
@issuer
def aws(issuer: str) -> None:
    """Print a CloudFormation stack for the bucket of STORE_URL, and on stderr how to deploy it."""
    from mlops_loop.cloud import aws

    bucket, _, prefix = _place("s3").partition("/")
    trust = _trust(issuer)
    click.echo(to_json(aws.stack(trust, bucket, prefix)))
    name = re.sub("[^A-Za-z0-9-]", "-", trust.repository.partition("/")[2])
    click.echo("Next, with this in stack.json:", err=True)
    click.echo("\n".join(aws.commands(f"store-of-{name}")), err=True)


@policy.command(epilog=example("cloud policy gcp --project my-project > gcp.sh"))
@click.option("--project", required=True, callback=_word, help="Id of the project of the bucket.")
@click.option("--location", default="europe-west3", show_default=True, callback=_word)
@issuer
def gcp(issuer: str, project: str, location: str) -> None:
    """Print a shell script for gcloud and the bucket of STORE_URL."""
    from mlops_loop.cloud import google

    bucket = _place("gs").partition("/")[0]
    click.echo("\n".join(google.script(_trust(issuer), bucket, project, location)))
    click.echo("Next: read it, then bash FILE", err=True)


@policy.command(epilog=example("cloud policy azure --account myaccount > azure.sh"))
@click.option("--account", required=True, callback=_word, help="Name of the storage account.")
@click.option("--group", default="mlops", show_default=True, callback=_word, help="Its group.")
@click.option("--location", default="germanywestcentral", show_default=True, callback=_word)
@issuer
def azure(issuer: str, **names: str) -> None:
    """Print a shell script for az and the container of STORE_URL."""
    from mlops_loop.cloud import azure

    container = _place("azure").partition("/")[0]
    click.echo("\n".join(azure.script(_trust(issuer), container, **names)))
    click.echo("A merge queue cannot read: loop/docs/cloud.md. Next: read it, bash FILE", err=True)
