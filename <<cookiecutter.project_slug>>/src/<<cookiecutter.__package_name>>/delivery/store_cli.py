"""The verbs `store status|pull|push|gc`; what they do is in `store.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..errors import COMMAND, StoreUnreachable, UsageError

NEXT = f"Next: dvc repro, then {COMMAND} store push"


def _example(*calls: str) -> str:
    return "\n".join(("\b", "Example:", *(f"  {COMMAND} store {call}" for call in calls)))


@contextmanager
def _store() -> Iterator[Any]:
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    from . import store

    try:
        with Repo() as repo:
            yield store.connect(repo)
    except NotDvcRepoError as error:
        raise UsageError("There is no DVC project here. Next: cd to the project") from error
    except DvcException as error:
        raise StoreUnreachable(f"DVC cannot do this: {' '.join(str(error).split())}") from error


@click.group(epilog=_example("pull", "status --json"))
def store() -> None:
    """Data, models and finished runs: DVC's objects, shared.

    In the container registry of the repository on GitHub (login: docker login ghcr.io), in the one
    that STORE_URL names, or in the remote of DVC that .dvc/config names.
    """


@store.command(epilog=_example("status"))
@click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")
def status(machine: bool) -> None:
    """Compare the store with this machine and commit."""
    with _store() as found:
        state = found.status()
    if machine:
        return click.echo(json.dumps(asdict(state), indent=2))
    if not state.objects:
        return click.echo(f"The store {state.address} is empty: a cold start. {NEXT}")
    runs = f" and {state.runs} runs" if state.runs is not None else ""
    click.echo(
        f"The store {state.address} holds {state.objects} objects{runs}. To pull: {state.to_pull}, "
        f"to push: {state.to_push}, of this commit neither here nor there: {state.missing}."
    )


@store.command(epilog=_example("pull", "pull && dvc checkout --allow-missing"))
def pull() -> None:
    """Bring objects and finished runs into DVC's cache.

    Then dvc repro takes from there what it finds. What was cut goes on where it ended.
    """
    with _store() as found:
        count = found.pull()
        state = found.status()
    if not state.objects:
        return click.echo(f"The store {state.address} is empty: a cold start. {NEXT}")
    click.echo(f"Pulled {count} files; the store {state.address} holds {state.objects} objects.")
    _tell_missing(state)


@store.command(epilog=_example("push", "push --runs"))
@click.option("--runs/--no-runs", default=False, help="Finished runs too, which others trust.")
def push(runs: bool) -> None:
    """Store the objects that this commit needs.

    Runs come from main's own job: whoever pulls them does not train again but takes their result.
    """
    with _store() as found:
        count = found.push(runs)
        state = found.status()
    click.echo(f"Pushed {count} files; the store {state.address} holds {state.objects} objects.")
    _tell_missing(state)


def _tell_missing(state: Any) -> None:
    if state.missing:
        click.echo(f"{state.missing} objects of this commit are in no place. Next: dvc repro")


@store.command(epilog=_example("gc", "gc --delete"))
@click.option("--delete", is_flag=True, help="Do it; without, only count.")
def gc(delete: bool) -> None:
    """Take out what no branch, tag or work tree needs, as this clone knows them.

    Before: git fetch --all --tags. A registry frees the room by its own collection.
    """
    from .store import tips

    with _store() as found:
        count = found.gc(tips(Path()), delete)
        address = found.address
    does = "taken out" if delete else "not needed. Next, to take them out: store gc --delete"
    click.echo(f"In the store {address}, files {does}: {count}")
