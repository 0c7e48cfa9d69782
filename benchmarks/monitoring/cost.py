"""CPU seconds and peak memory: of a look beside other tools, and of the whole path."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import numpy as np

from . import one_table, whole_path
from .flights import PROJECT, ROOT, Flights

KNOWN_ROWS, WINDOW_ROWS, DAYS = 10_000, 1_000_000, 90


def show(flights: Flights, given: Namespace) -> None:
    """Print two tables."""
    _show_tools(flights, given)
    whole_path.show(flights, given)


def _show_tools(flights: Flights, given: Namespace) -> None:
    """One table of a million rows: 90 days of July to December, drawn with replacement."""
    print("\n| tool | CPU s | peak MB over the tables | of the process: CPU s | peak MB |\n"
          "|---|---:|---:|---:|---:|")  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        _write(flights, Path(place))
        for python in [sys.executable, *given.peers]:
            for tool in _tools(python):
                cost = _cost(python, tool, place)
                cells = [f"{cost[name]:.2f}" for name in ("cpu_s", "process_s")]
                peaks = [f"{cost[name]:,.0f}" for name in ("over_mb", "process_mb")]
                print(f"| {tool} | {cells[0]} | {peaks[0]} | {cells[1]} | {peaks[1]} |", flush=True)


def _write(flights: Flights, place: Path) -> None:
    rng, days = np.random.default_rng(0), flights.half(2)
    known = flights.take(days[:DAYS], KNOWN_ROWS // DAYS, rng, "2021-01-01")
    new = flights.take(days[DAYS:][:DAYS], len(flights.rows), rng, "2021-06-01")
    new = new.sample(WINDOW_ROWS, replace=True, random_state=0)
    known.to_parquet(place / "reference.parquet", index=False)
    new.sort_values("day").to_parquet(place / "window.parquet", index=False)
    shutil.copytree(PROJECT / "models" / "bundle", place / "bundle")


def _tools(python: str) -> list[str]:
    """Those that a Python has; the first one is that of this project."""
    if python == sys.executable:
        return ["ours"]
    code = "import sys; from importlib.util import find_spec; "
    code += "print(*(name for name in sys.argv[1:] if find_spec(name)))"
    call = [python, "-c", code, *one_table.PEERS]
    return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def _cost(python: str, tool: str, place: str) -> dict[str, float]:
    call = [python, "-W", "ignore", one_table.__file__, tool, place]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])
