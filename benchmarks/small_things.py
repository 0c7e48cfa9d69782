"""Measure what people do all day, beside an earlier version, and write docs/small-things.md.

    git worktree add build/before 1851c75 && (cd build/before && python tools/bake.py --name before)
    make bake ANSWERS='--name now'
    (cd build/now && make pipeline)
    (cd build/before/build/before && make pipeline)
    python benchmarks/small_things.py 1851c75 build/before/build/before build/now

Both projects have a trained model, a commit with its dvc.lock, and an environment in .venv, or in
the folders that BEFORE_BIN and NOW_BIN name. Commands run in turns. Run each once before: the first
run also compiles what it loads.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[1] / "docs" / "small-things.md"
RUNS = 2
# By what people do, the command; `loop` was `python -m PACKAGE` before there was a room of its own.
THINGS = {
    "`loop gate`": ("loop", "gate"),
    "`loop report`": ("loop", "report"),
    "`loop registry show`": ("loop", "registry", "show"),
    "`dvc repro`, nothing to do": ("dvc", "repro"),
}
HEAD = """\
# Small things, measured

Made by `python benchmarks/small_things.py`: the sample, {cores} cores with a load of {load:.0f}
when it began, median of {runs} runs in turns with version {before}. Seconds are those of the whole
process with its start: of the CPUs, with all that it started, and by the clock. On a busy machine
the clock shows more than on an idle one, for both.

| what | CPU seconds before | now | ratio | seconds before | now | ratio |
|---|--:|--:|--:|--:|--:|--:|
"""
TAIL = """
`dvc repro` is a command of DVC. In a project with one stage and no dependency it takes {floor:.1f}
CPU seconds, so that no project can halve it. A test, `loop/tests/commands/test_starts.py`, says
which libraries a command may load.
"""
LONELY = "stages:\n  one:\n    cmd: echo done\n"


class Cost(NamedTuple):
    """Seconds of the CPUs, and by the clock."""

    cpu: float
    seconds: float


def cost(folder: Path, command: tuple[str, ...], variable: str) -> Cost:
    """Run a command of a project in its folder; it must succeed."""
    own = folder / os.environ.get(variable, ".venv/bin")
    env = {**os.environ, "PATH": f"{own}:{os.environ['PATH']}", "PYTHONPATH": path_of(folder)}
    start = time.perf_counter()
    process = subprocess.Popen(
        called(folder, command), cwd=folder, env=env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed in {folder}: {status}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - start)


def path_of(folder: Path) -> str:
    """Return the code of a project, whatever its environment has installed."""
    return os.pathsep.join(str(folder / name) for name in ("src", "loop/src"))


def called(folder: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command as the version of this project names it."""
    if command[0] != "loop" or (folder / "loop").exists():
        return command
    (package,) = (path.parent.name for path in folder.glob("src/*/__init__.py"))
    return "python", "-m", package, *command[1:]


def median(costs: list[Cost]) -> Cost:
    """Of each number by itself."""
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def row(what: str, before: Path, now: Path) -> str:
    """Measure one thing in both projects, in turns."""
    command = THINGS[what]
    runs = [
        (cost(before, command, "BEFORE_BIN"), cost(now, command, "NOW_BIN")) for _ in range(RUNS)
    ]
    old, new = (median(list(costs)) for costs in zip(*runs, strict=True))
    cells = [f"{a:.1f} | {b:.1f} | {b / a:.2f}" for a, b in zip(old, new, strict=True)]
    return f"| {what} | {' | '.join(cells)} |\n"


def floor(now: Path, folder: Path) -> float:
    """CPU seconds of `dvc repro` with nothing to do in a project with one stage."""
    folder.mkdir(parents=True, exist_ok=True)
    for command in (("git", "init", "--quiet"), ("dvc", "init", "--force", "--quiet")):
        cost(folder, command, "NOW_BIN")
    (folder / "dvc.yaml").write_text(LONELY, encoding="utf-8")
    return median([cost(folder, ("dvc", "repro"), "NOW_BIN") for _ in range(RUNS)]).cpu


def main() -> None:
    """Measure all; the page names the earlier version as it was given."""
    name, before, now = sys.argv[1], *map(Path.resolve, map(Path, sys.argv[2:4]))
    text = HEAD.format(cores=os.cpu_count(), load=os.getloadavg()[0], runs=RUNS, before=name)
    for what in THINGS:
        text += (line := row(what, before, now))
        print(line, end="", flush=True)
    text += TAIL.format(floor=floor(now, now / "reports" / "lonely"))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
