"""The commands `store status|pull|push|gc`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mlops_loop.commands.console import as_json, example
from mlops_loop.storage import store as stores

ROOT = Path()


@click.group(epilog=example("store pull", "store status --json"))
def store() -> None:
    """Data, models and cached stage results: DVC's objects, shared.

    In the container registry of the repository on GitHub (login: docker login ghcr.io), in the one
    that STORE_URL names, or in the remote of DVC that .dvc/config names.
    """


def _print_state(state: dict[str, Any], done: str = "") -> None:
    if not state["objects"]:
        after = "Next: dvc repro, then loop store push"
        return click.echo(f"The store {state['store']} is empty: a cold start. {after}")
    click.echo(done + "The store {store} holds {objects} objects and {runs} runs.".format(**state))
    if state["missing"]:
        click.echo(
            f"{state['missing']} objects of this commit are missing, here and there. "
            "Next: dvc repro"
        )


@store.command(epilog=example("store status"))
@as_json
def status(machine: bool) -> None:
    """Compare the store with this machine and commit."""
    with stores.opened(ROOT) as found:
        state = found.status()
    if machine:
        return click.echo(json.dumps(state, indent=2))
    _print_state(state, "To pull: {to_pull}, to push: {to_push}. ".format(**state))


@store.command(epilog=example("store pull", "store pull --checkout"))
@click.option("--checkout", is_flag=True, help="Then write this commit's files to the work tree.")
def pull(checkout: bool) -> None:
    """Pull objects and cached stage results into DVC's cache.

    Then dvc repro reuses them. An interrupted pull goes on where it ended.
    """
    with stores.opened(ROOT) as found:
        count, state = found.pull(), found.status()
        if checkout:
            found.repo.checkout(allow_missing=True)
    _print_state(state, f"Pulled: {count}. ")


@store.command(epilog=example("store push", "store push --runs"))
@click.option("--runs/--no-runs", default=False, help="Stage results too, which others trust.")
def push(runs: bool) -> None:
    """Store the objects that this commit needs.

    Cached stage results come from main's own job: whoever pulls them reuses them untested.
    """
    with stores.opened(ROOT) as found:
        count, state = found.push(runs), found.status()
    _print_state(state, f"Pushed: {count}. ")


@store.command(epilog=example("store gc", "store gc --delete"))
@click.option("--delete", is_flag=True, help="Delete them.  [default: only count]")
def gc(delete: bool) -> None:
    """Delete what no branch, tag or work tree needs, as this clone knows them.

    Before: git fetch --all --tags. A registry frees the space by its own garbage collection.
    """
    with stores.opened(ROOT) as found:
        count, state = found.gc(stores.tips(ROOT), delete), found.status()
    _print_state(state, f"{'Deleted' if delete else 'Not needed (see --delete)'}: {count}. ")
