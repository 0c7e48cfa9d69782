"""The verbs `store status|pull|push|gc`; what they do is in `store.py`."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import click

from ..errors import COMMAND, example


@click.group(epilog=example("store pull", "store status --json"))
def store() -> None:
    """Data, models and finished runs: DVC's objects, shared.

    In the container registry of the repository on GitHub (login: docker login ghcr.io), in the one
    that STORE_URL names, or in the remote of DVC that .dvc/config names.
    """


def _stores() -> Any:
    return importlib.import_module(".store", __package__)  # DVC is not in the container


def _tell(state: dict[str, Any], done: str = "") -> None:
    if not state["objects"]:
        after = f"Next: dvc repro, then {COMMAND} store push"
        return click.echo(f"The store {state['store']} is empty: a cold start. {after}")
    click.echo(done + "The store {store} holds {objects} objects and {runs} runs.".format(**state))
    if state["missing"]:
        click.echo(f"{state['missing']} objects of this commit are in no place. Next: dvc repro")


@store.command(epilog=example("store status"))
@click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")
def status(machine: bool) -> None:
    """Compare the store with this machine and commit."""
    with _stores().opened(Path()) as found:
        state = found.status()
    if machine:
        return click.echo(json.dumps(state, indent=2))
    _tell(state, "To pull: {to_pull}, to push: {to_push}. ".format(**state))


@store.command(epilog=example("store pull", "store pull --checkout"))
@click.option("--checkout", is_flag=True, help="Then put this commit's files in their places.")
def pull(checkout: bool) -> None:
    """Bring objects and finished runs into DVC's cache.

    Then dvc repro takes from there what it finds. What was cut goes on where it ended.
    """
    with _stores().opened(Path()) as found:
        count, state = found.pull(), found.status()
        if checkout:
            found.repo.checkout(allow_missing=True)
    _tell(state, f"Pulled: {count}. ")


@store.command(epilog=example("store push", "store push --runs"))
@click.option("--runs/--no-runs", default=False, help="Finished runs too, which others trust.")
def push(runs: bool) -> None:
    """Store the objects that this commit needs.

    Runs come from main's own job: whoever pulls them does not train again but takes their result.
    """
    with _stores().opened(Path()) as found:
        count, state = found.push(runs), found.status()
    _tell(state, f"Pushed: {count}. ")


@store.command(epilog=example("store gc", "store gc --delete"))
@click.option("--delete", is_flag=True, help="Do it; without, only count.")
def gc(delete: bool) -> None:
    """Take out what no branch, tag or work tree needs, as this clone knows them.

    Before: git fetch --all --tags. A registry frees the room by its own collection.
    """
    with _stores().opened(Path()) as found:
        count, state = found.gc(_stores().tips(Path()), delete), found.status()
    _tell(state, f"{'Taken out' if delete else 'Not needed (see --delete)'}: {count}. ")
