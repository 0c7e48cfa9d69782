"""Measure a search here and on a Dask cluster of this machine, and write loop/docs/cluster.md.

    cd build/flight-delays && uv add --group pipeline 'mlops-loop[dask]' && make pipeline
    .venv/bin/python ../../benchmarks/cluster_search.py

All searches score the same candidates on the rows of data/prepared, in turns, without the cache.
The ratios of one run are compared, not seconds: those depend on the machine.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlops_loop import files, params, paths
from mlops_loop.pipeline import cluster, train

PAGE = Path(__file__).resolve().parents[1] / "<<cookiecutter.project_slug>>/loop/docs/cluster.md"
MARKS = re.compile(r"(<!-- begin of ratios -->\n).*(<!-- end of ratios -->)", re.S)
GRID = {"learning_rate": [0.03, 0.06], "max_leaf_nodes": [8, 16], "max_iter": [100]}
PORT, RUNS = 18786, 2


def start(command: str, *arguments: str) -> subprocess.Popen:
    """Start a command line of Dask, silent and in this environment."""
    module = f"distributed.cli.dask_{command}"
    line = [sys.executable, "-m", module, *arguments, "--no-dashboard"]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds(address: str) -> tuple[float, list]:
    """Search once; return how long it took, and the candidates."""
    own = params.load()
    own = own.model_copy(
        update={"train": own.train.model_copy(update={"grid": GRID, "search": "grid"})}
    )
    os.environ[cluster.VARIABLE] = address
    rows = [files.read_table(path) for path in (paths.TRAIN, paths.VALIDATION)]
    with tempfile.TemporaryDirectory() as folder:
        paths.SEARCH_CACHE = Path(folder)
        begin = time.perf_counter()
        candidates = train.train(*rows, own).candidates
        return time.perf_counter() - begin, candidates


def main() -> None:
    """Measure in turns: here, one worker, two workers."""
    address = f"tcp://127.0.0.1:{PORT}"
    running = [start("scheduler", "--host", "127.0.0.1", "--port", str(PORT))]
    times: dict[int, list[float]] = {0: [], 1: [], 2: []}
    found = []
    try:
        for _ in range(RUNS):
            for n in times:
                workers = [start("worker", address, "--nthreads", "1") for _ in range(n)]
                time.sleep(15 if n else 0)  # they start
                took, candidates = seconds(address if n else "")
                times[n].append(took)
                found.append(candidates)
                for worker in workers:
                    worker.terminate()
                    worker.wait()
    finally:
        running[0].terminate()
    assert all(candidates == found[0] for candidates in found)
    medians = {n: statistics.median(taken) for n, taken in times.items()}
    print(medians, os.getloadavg())
    cells = [f"{medians[n] / medians[0]:.2f}" for n in times]
    table = (
        "| without | one worker | two workers |\n|--:|--:|--:|\n"
        f"| {' | '.join(cells)} |\n\nMade by `benchmarks/cluster_search.py`: the sample, medians "
        f"of {RUNS} runs in turns.\n"
    )
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(MARKS.sub(lambda m: m[1] + table + m[2], text), encoding="utf-8")


if __name__ == "__main__":
    main()
