"""How long pull requests keep a runner busy; run by benchmarks/runner_minutes.py, not by the tests.

Seconds of act on this machine, job after job, with uv's cache warm; GitHub bills every job by the
minute, rounded up. `cold` is an empty store and no champion, `warm` one that holds what main ran.
"""

import math
import os
from pathlib import Path

import pytest

from .test_ci import DOCUMENTS
from .world import World, boosted

ROWS = ("documents", "parameter", "data")
OUT = Path(os.environ.get("RUNNER_MINUTES", "docs/runner-minutes.md"))
HEAD = """\
# Runner minutes

How long the jobs of `ci` keep a runner busy for one pull request, made by
`python benchmarks/runner_minutes.py`: {cores} cores, act in host mode, a quick model (one
candidate), uv's cache warm. GitHub bills each job by the minute, rounded up.

| pull request | store | seconds | of these `train` | of these `test` | billed minutes |
|---|---|--:|--:|--:|--:|
"""


def edits(world: World, kind: str) -> dict:
    """Return what a pull request of a kind changes."""
    (month, *_) = sorted((world.laptop / "data" / "later").glob("*.csv"))
    return {
        "documents": DOCUMENTS,
        "parameter": {"params.yaml": boosted()},
        "data": {f"data/raw/{month.name}": month.read_bytes()},
    }[kind]


@pytest.mark.parametrize(("store", "scene"), [("cold", "begun"), ("warm", "champion")])
@pytest.mark.parametrize("kind", ROWS)
def test_measure(world, kind: str, store: str, scene: str):
    """Run all jobs of ci once and add a line to the page."""
    here = world(scene)
    run = here.run("ci", here.pull_request(kind, edits(here, kind)))
    took = {name: job.seconds for name, job in run.jobs.items() if job.result != "skipped"}
    billed = sum(math.ceil(max(each, 1) / 60) for each in took.values())
    if not OUT.exists():
        OUT.write_text(HEAD.format(cores=os.cpu_count()))
    cells = [f"{took.get(name, 0):.0f}" for name in ("train", "test")]
    with OUT.open("a") as file:
        file.write(
            f"| {kind} | {store} | {sum(took.values()):.0f} | {' | '.join(cells)} | {billed} |\n"
        )
