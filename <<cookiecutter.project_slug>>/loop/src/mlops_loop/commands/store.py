"""The commands `store status|pull|push|gc`."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import click

from mlops_loop import job_token
from mlops_loop.commands import data_secrets
from mlops_loop.commands.console import as_json, example, to_json
from mlops_loop.errors import StoreUnreachable
from mlops_loop.registry.tags import has_versions
from mlops_loop.storage import remote_kinds
from mlops_loop.storage.artifact import ArtifactStore
from mlops_loop.storage.cloud_login import FORMS
from mlops_loop.storage.objects import Pulled, Status, Verified
from mlops_loop.storage.remote import RemoteStore, dvc_settings
from mlops_loop.storage.store import open_store, tips
from mlops_loop.text import listed

ROOT = Path()
COLD = (
    "A run of a fork or of Dependabot has no login, and the store could not be read without one. "
    "The stages run: a cold start."
)


@click.group(epilog=example("store pull", "store status --json"))
def store() -> None:
    """Data, models and cached stage results: DVC's objects, shared.

    In the container registry of the repository on GitHub (login: docker login ghcr.io), in the one
    that STORE_URL names, or in the remote of DVC that .dvc/config names.
    """
    data_secrets.export()


def _open() -> AbstractContextManager[ArtifactStore | RemoteStore]:
    return open_store(ROOT, lambda: has_versions(ROOT))


def _print_state(state: Status, done: str = "") -> None:
    if not state.objects:
        after = "Next: dvc repro, then loop store push"
        return click.echo(f"The store {state.store} is empty: a cold start. {after}")
    held = f"{state.objects} objects and {state.runs} runs"
    click.echo(f"{done}The store {state.store} holds {held}.")
    if state.missing:
        problem = f"{state.missing} objects of this commit are missing, here and there."
        click.echo(f"{problem} Next: dvc repro")


@store.command(epilog=example("store status", "store status --verify"))
@click.option("--verify", is_flag=True, help="Read and check the content of everything in it.")
@as_json
def status(machine: bool, verify: bool) -> None:
    """Compare the store with this machine and commit.

    With --verify, exits with 6 where something is damaged or missing; what is damaged is set aside,
    so that the next push of somebody who has it stores it again.
    """
    with _open() as opened:
        verified = opened.verify() if verify else None
        state = opened.status()
    if machine:
        click.echo(to_json(state))
    else:
        _print_state(state, f"To pull: {state.to_pull}, to push: {state.to_push}. ")
    if verified:
        _print_verified(state, verified)


def _print_verified(state: Status, verified: Verified) -> None:
    if not verified.damaged:
        return click.echo(f"Verified: {verified.files} files.", err=True)
    after = "on each machine that may have them, loop store push --runs"
    if not verified.noted:
        after = f"loop store status --verify with a login that may write; then, {after}"
    raise StoreUnreachable(
        f"{len(verified.damaged)} of {verified.files} files in {state.store} are damaged or "
        f"missing: {listed(sorted(verified.damaged), 3)}. Next: {after}"
    )


@store.command(epilog=example("store pull", "store pull --checkout"))
@click.option("--checkout", is_flag=True, help="Then write this commit's files to the work tree.")
def pull(checkout: bool) -> None:
    """Pull objects and cached stage results into DVC's cache.

    Then dvc repro reuses them. An interrupted pull continues where it stopped. Exits with 6, after
    all else came, where the store has lost something that this commit needs. A run of a fork, which
    has no login to a bucket, starts cold.
    """
    try:
        with _open() as opened:
            pulled, state = opened.pull(), opened.status()
            if checkout:
                opened.repo.checkout(allow_missing=True)
    except StoreUnreachable as error:
        if not _lacks_login():
            raise
        return click.echo(f"{COLD} ({error})")
    _print_state(state, f"Pulled: {pulled.files}. ")
    if pulled.lost:
        _print_lost(state, pulled)


def _lacks_login() -> bool:
    """Whether the store is a bucket, and this run is one that gets neither secret nor identity."""
    from mlops_loop.github.api import is_stranger

    url = dvc_settings(ROOT).get("remote_config", {}).get("url", "")
    has_login = os.environ.get("STORE_PASSWORD") or job_token.is_given(os.environ)
    return remote_kinds.scheme(url) in FORMS and not has_login and is_stranger()


def _print_lost(state: Status, pulled: Pulled) -> None:
    problem = (
        f"{len(pulled.lost)} files in {state.store} are damaged or missing, and this commit needs "
        f"{len(pulled.needed)} of them: {listed(sorted(pulled.lost), 3)}. All else came. Next: "
        "loop store status --verify"
    )
    if pulled.needed:
        raise StoreUnreachable(problem)
    click.echo(problem, err=True)


@store.command(epilog=example("store push", "store push --runs"))
@click.option("--runs/--no-runs", default=False, help="Push cached stage results too.")
def push(runs: bool) -> None:
    """Store the objects that this commit needs.

    Only the job of main should push cached stage results: everybody reuses them without a check.
    """
    with _open() as opened:
        count, state = opened.push(runs), opened.status()
    _print_state(state, f"Pushed: {count}. ")


@store.command(epilog=example("store gc", "store gc --delete"))
@click.option("--delete", is_flag=True, help="Delete them.  [default: only count]")
def gc(delete: bool) -> None:
    """Delete what no branch, tag or work tree needs, as this clone knows them.

    Before: git fetch --all --tags. A registry frees the space by its own garbage collection.
    """
    with _open() as opened:
        count, state = opened.gc(tips(ROOT), delete), opened.status()
    _print_state(state, f"{'Deleted' if delete else 'Not needed (see --delete)'}: {count}. ")
