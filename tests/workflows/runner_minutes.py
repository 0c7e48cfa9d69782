"""How long pull requests and `make test` take; run by benchmarks/runner_minutes.py alone.

Seconds of act on this machine, job after job, with uv's cache warm. `cold` is an empty store and no
champion, `warm` one that holds what main ran. Runs in an earlier commit's `tests/workflows` too, so
it uses only what that has; the two take turns, so that neither slows the other down and both meet
the same other work of the machine.
"""

import json
import os
import time
from pathlib import Path

import pytest
from conftest import check, locked

from .rig import HERE
from .test_ci import DOCUMENTS
from .world import World, boosted

OUT = Path(os.environ.get("RUNNER_MINUTES", "runner-minutes.jsonl"))
STORES = {"cold": "begun", "warm": "champion"}
COMMANDS = {"make test": "Makefile", "make -C loop test": "loop/Makefile"}


def add(**facts: object) -> None:
    """Add a line to what was measured."""
    with OUT.open("a") as file:
        file.write(json.dumps(facts) + "\n")


def edits(world: World, kind: str) -> dict:
    """Return what a pull request of a kind changes."""
    (month, *_) = sorted((world.laptop / "data" / "later").glob("*.csv"))
    return {
        "documents": DOCUMENTS,
        "parameter": {"params.yaml": boosted()},
        "data": {f"data/raw/{month.name}": month.read_bytes()},
    }[kind]


@pytest.fixture(autouse=True)
def turn():
    """Wait for the other commit's measurement to end."""
    with locked(OUT.with_name("turn.lock")):
        yield


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", ["documents", "parameter", "data"])
def test_measure_a_pull_request(world, kind: str, store: str):
    """Run all jobs of ci once."""
    here = world(STORES[store])
    run = here.run("ci", here.pull_request(kind, edits(here, kind)))
    assert run.ok, run.log[-5000:]
    seconds = {name: job.seconds for name, job in run.jobs.items() if job.result != "skipped"}
    add(pull_request=kind, store=store, seconds=seconds)


@pytest.mark.parametrize("command", COMMANDS)
def test_measure_the_tests(project: Path, champion, command: str):
    """Run them once in a new project, where it has them; the libraries are compiled already."""
    if not (project / COMMANDS[command]).exists():
        return
    places = os.environ | {"PATH": f"{HERE / 'bin'}:{os.environ['PATH']}"}
    check("make", ".venv", cwd=project, env=places)
    start = time.monotonic()
    check(*command.split(), cwd=project, timeout=1200)
    add(command=command, seconds=time.monotonic() - start)
