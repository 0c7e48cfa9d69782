"""The commands `store status|pull|push|gc`."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_loop.commands.console import as_json, example, to_json
from mlops_loop.storage.objects import Status
from mlops_loop.storage.store import open_store, tips

ROOT = Path()


@click.group(epilog=example("store pull", "store status --json"))
def store() -> None:
    """Data, models and cached stage results: DVC's objects, shared.

    In the container registry of the repository on GitHub (login: docker login ghcr.io), in the one
    that STORE_URL names, or in the remote of DVC that .dvc/config names.
    """


def _print_state(state: Status, done: str = "") -> None:
    if not state.objects:
        after = "Next: dvc repro, then loop store push"
        return click.echo(f"The store {state.store} is empty: a cold start. {after}")
    held = f"{state.objects} objects and {state.runs} runs"
    click.echo(f"{done}The store {state.store} holds {held}.")
    if state.missing:
        problem = f"{state.missing} objects of this commit are missing, here and there."
        click.echo(f"{problem} Next: dvc repro")


@store.command(epilog=example("store status"))
@as_json
def status(machine: bool) -> None:
    """Compare the store with this machine and commit."""
    with open_store(ROOT) as opened:
        state = opened.status()
    if machine:
        return click.echo(to_json(state))
    _print_state(state, f"To pull: {state.to_pull}, to push: {state.to_push}. ")


@store.command(epilog=example("store pull", "store pull --checkout"))
@click.option("--checkout", is_flag=True, help="Then write this commit's files to the work tree.")
def pull(checkout: bool) -> None:
    """Pull objects and cached stage results into DVC's cache.

    Then dvc repro reuses them. An interrupted pull continues where it stopped.
    """
    with open_store(ROOT) as opened:
        count, state = opened.pull(), opened.status()
        if checkout:
            opened.repo.checkout(allow_missing=True)
    _print_state(state, f"Pulled: {count}. ")


@store.command(epilog=example("store push", "store push --runs"))
@click.option("--runs/--no-runs", default=False, help="Push cached stage results too.")
def push(runs: bool) -> None:
    """Store the objects that this commit needs.

    Only the job of main should push cached stage results: everybody reuses them without a check.
    """
    with open_store(ROOT) as opened:
        count, state = opened.push(runs), opened.status()
    _print_state(state, f"Pushed: {count}. ")


@store.command(epilog=example("store gc", "store gc --delete"))
@click.option("--delete", is_flag=True, help="Delete them.  [default: only count]")
def gc(delete: bool) -> None:
    """Delete what no branch, tag or work tree needs, as this clone knows them.

    Before: git fetch --all --tags. A registry frees the space by its own garbage collection.
    """
    with open_store(ROOT) as opened:
        count, state = opened.gc(tips(ROOT), delete), opened.status()
    _print_state(state, f"{'Deleted' if delete else 'Not needed (see --delete)'}: {count}. ")
