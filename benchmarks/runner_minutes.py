"""Measure what a pull request costs, beside an earlier commit, and write docs/runner-minutes.md.

    python benchmarks/runner_minutes.py

The earlier commit is cloned into a temporary folder and gets an environment of its own; both are
measured by the same file, tests/workflows/runner_minutes.py, in turns. Needs what the rig needs:
act, Docker, docker-registry, npm. Takes about half an hour.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "runner-minutes.md"
MEASURE = Path("tests/workflows/runner_minutes.py")
BEFORE = "1851c75"
HEAD = """\
# Runner minutes

What one pull request of a generated project costs, now and at commit {before}, both measured in one
run of `python benchmarks/runner_minutes.py`: {cores} cores, act in host mode, a quick model (one
candidate), uv's cache and Docker's layers warm. Seconds are those of all jobs of the workflow `ci`
together; GitHub bills each job by the minute, rounded up. `cold` is an empty store without a
champion, `warm` one that holds what main ran. Each pair is {before}, then now.

| pull request | store | seconds | now | jobs | now | billed minutes | now |
|---|---|--:|--:|--:|--:|--:|--:|
"""
TESTS = """
| tests of a new project | seconds |
|---|--:|
| `make test` at {before}: all of them | {before_s:.0f} |
| `make test` now: those of the project itself | {own_s:.0f} |
| `make -C loop test` now: those of the loop | {loop_s:.0f} |

In `ci` the tests of the loop run only where the loop, Python code or the environment changed.
"""

Facts = dict[str, Any]


def start(folder: Path, out: Path) -> subprocess.Popen:
    """Begin to measure a checkout, with its own environment; lines of JSON go to `out`."""
    subprocess.run(["make", ".venv/ready"], cwd=folder, check=True)
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    environment |= {"PATH": f"{folder / '.venv/bin'}:{os.environ['PATH']}"}
    environment |= {"RUNNER_MINUTES": str(out), "CI": "true"}
    command = ["python", "-m", "pytest", "-n", "0", "-q", str(MEASURE)]
    return subprocess.Popen(command, cwd=folder, env=environment)


def read(out: Path) -> list[Facts]:
    """Return what a measurement wrote."""
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def earlier(folder: Path) -> Path:
    """Return a clone of BEFORE in `folder`, with today's file of measurements."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", BEFORE], cwd=folder, check=True)
    (folder / MEASURE).write_text((ROOT / MEASURE).read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def row(before: Facts, now: Facts) -> str:
    """Return the line of one pull request."""
    cells = [before["pull_request"], before["store"]]
    for count in (
        lambda jobs: f"{sum(jobs.values()):.0f}",
        lambda jobs: str(len(jobs)),
        lambda jobs: str(sum(math.ceil(max(each, 1) / 60) for each in jobs.values())),
    ):
        cells += [count(facts["seconds"]) for facts in (before, now)]
    return f"| {' | '.join(cells)} |\n"


def tests(before: list[Facts], now: list[Facts]) -> str:
    """Return the part on the tests of a project."""
    old, new = ({f["command"]: f["seconds"] for f in part} for part in (before, now))
    seconds = {"before_s": old["make test"], "own_s": new["make test"]}
    return TESTS.format(before=BEFORE, loop_s=new["make -C loop test"], **seconds)


def page(before: list[Facts], now: list[Facts]) -> str:
    """Return the page of what was measured twice."""
    pulls = [[facts for facts in part if "store" in facts] for part in (before, now)]
    commands = [[facts for facts in part if "command" in facts] for part in (before, now)]
    head = HEAD.format(before=BEFORE, cores=os.cpu_count())
    return head + "".join(map(row, *pulls)) + tests(*commands)


def main() -> int:
    """Measure both commits and write the page; return 1, and keep the page, where one fails."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = {"before": earlier(Path(scratch, "before")), "now": ROOT}
        files = [Path(scratch, f"{name}.jsonl") for name in folders]
        running = [start(*each) for each in zip(folders.values(), files, strict=True)]
        codes = [process.wait() for process in running]
        if any(codes):
            return 1
        PAGE.write_text(page(*map(read, files)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
