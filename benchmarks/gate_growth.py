"""Measure the gate from 10,000 rows up, now and at an earlier commit; write docs/gate-growth.md.

    build/check.venv/bin/python benchmarks/gate_growth.py

Needs the environment that `make loop` makes. Two binormal models with the same truth are judged by
the policy of a generated project: two groupings of the rows as slices and one for fairness. Each
run is a process of its own; seconds are those of one processor, since the machine may be shared.
`hours` draws 100 rows at a time together, as the sample's hours are. An exponent of 1 is linear.
"""

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import yaml
from gate_statistics import CONTRACTS, Cell, draw

mpl.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "<<cookiecutter.project_slug>>"
PAGE, PICTURE = ROOT / "docs/gate-growth.md", ROOT / "docs/gate-growth.svg"
BEFORE = "560ed19"
SIZES = (10_000, 100_000, 1_000_000)
MOST_BEFORE = 100_000  # rows that the earlier commit is asked about
SLICES = (20, 200)
ROWS_OF_AN_HOUR = 100
START, END = "<!-- begin of figures -->", "<!-- end of figures -->"


def judge(n: int, slices: int, hours: bool) -> None:
    """Print seconds and megabytes of one verdict, its own alone."""
    from mlops_loop.gate import gate
    from mlops_loop.gate.comparison import Comparison
    from mlops_loop.gate.policy import GatePolicy
    from mlops_loop.statistics.bootstrap import Contender
    from mlops_loop.statistics.resampling import Resampling
    from mlops_loop.tasks.baselines import Baselines

    rng = np.random.default_rng(0)
    truth, *scores = draw(Cell("equal", "classification", 0, n), rng)
    old, new = (
        Contender(name, name, CONTRACTS["classification"], truth, s.astype(np.float32))
        for name, s in zip(("old", "new"), scores, strict=True)
    )
    group = {"group": rng.integers(0, slices, n).astype(str)}
    rows = pd.DataFrame(group | {"hour": np.arange(n) // ROWS_OF_AN_HOUR})
    rates = np.tile(np.float32([1 - truth.mean(), truth.mean()]), (n, 1))
    known = Baselines({"rates": rates}, {"shallow": old.scores})
    rule = Resampling(cluster="hour" if hours else None)
    policy = GatePolicy.model_validate(rules())
    comparison = Comparison(new, old, np.zeros(n, bool), rows, policy, rule, {}, known)
    before, began = resident(), time.process_time()
    gate.decide(comparison)
    print(time.process_time() - began, resident() - before)


def rules() -> dict:
    """Return the policy of a generated project, for the groups of the simulation."""
    text = yaml.safe_load((ROOT / PROJECT / "gate.classification.yaml").read_text("utf-8"))
    text["slices"] |= {"columns": ["group"]}
    text["fairness"] = [text["fairness"][0] | {"column": "group"}]
    return text


def resident() -> float:
    """Megabytes at the peak so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def measure(source: Path, n: int, slices: int, hours: bool) -> tuple[float, float]:
    """Seconds and megabytes of a verdict by the loop of `source`."""
    env = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    call = [sys.executable, __file__, "--judge", f"{n},{slices},{int(hours)}"]
    done = subprocess.run(call, env=env, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    seconds, megabytes = map(float, done.stdout.split())
    print(f"{source.parts[2]} {n:,} rows, {slices} slices: {seconds:.1f} s", file=sys.stderr)
    return seconds, megabytes


def table(before: Path) -> tuple[list[str], dict[str, list[tuple[int, float]]]]:
    """Rows of the table, and by series of the picture its points."""
    lines, series = [], {}
    for hours in (False, True):
        for slices in SLICES:
            name = f"{slices} slices, {'hours' if hours else 'independent rows'}"
            now = [(n, *measure(ROOT / PROJECT / "loop/src", n, slices, hours)) for n in SIZES]
            old = {n: measure(before, n, slices, hours)[0] for n in SIZES if n <= MOST_BEFORE}
            series[f"now, {name}"] = [(n, seconds) for n, seconds, _ in now]
            series[f"before, {name}"] = list(old.items())
            lines += rows_of(name, now, old)
    return lines, series


def rows_of(name: str, now: list, old: dict) -> list[str]:
    """Rows of the table for one kind of data."""
    lines, last = [], None
    for n, seconds, megabytes in now:
        exponent = "" if last is None else f"{math.log(seconds / last[1], n / last[0]):.1f}"
        before = f"{old[n]:.1f}" if n in old else "not run"
        cells = (name, f"{n:,}", before, f"{seconds:.1f}", exponent, f"{megabytes:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
        last = n, seconds
    return lines


def plot(series: dict[str, list[tuple[int, float]]]) -> None:
    """Draw seconds by rows, both on logarithmic axes."""
    mpl.rcParams["svg.hashsalt"] = "gate-growth"
    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    for i, (name, points) in enumerate(series.items()):
        style = "--" if name.startswith("before") else "-"
        axes.loglog(*zip(*points, strict=True), style, marker="o", color=f"C{i // 2}", label=name)
    axes.axhline(60, color="gray", linewidth=1, linestyle=":")
    axes.set(xlabel="held-out rows", ylabel="seconds of one processor")
    axes.set_title("What a verdict of the gate costs; dotted: one minute")
    axes.legend(fontsize=8)
    figure.savefig(PICTURE, metadata={"Date": None})


def main() -> None:
    """Measure both and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--judge")
    if asked := parser.parse_args().judge:
        n, slices, hours = map(int, asked.split(","))
        return judge(n, slices, bool(hours))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["git", "-C", ROOT, "worktree", "add", "--detach", folder, BEFORE], check=True
        )
        try:
            lines, series = table(Path(folder) / PROJECT / "loop/src")
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder], check=True)
    plot(series)
    head = "| data | held-out rows | seconds before | now | exponent | MB |\n"
    figures = f"{START}\n{head}|---|--:|--:|--:|--:|--:|\n" + "\n".join(lines) + f"\n{END}"
    text = PAGE.read_text("utf-8")
    PAGE.write_text(text[: text.index(START)] + figures + text[text.index(END) + len(END) :])
    return None


if __name__ == "__main__":
    main()
