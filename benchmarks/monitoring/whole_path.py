"""Cost of the whole path at several sizes: a log in SQLite, its export by day, counts, the verdict.

The project is copied, its model is registered and put into production, and the rows lie on the 28
days before that, one row in each request, with outcomes. Then two commands of the project run, as a
program each: `loop log export`, and `loop monitor evaluate` with the exported folder as traffic.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
from mlops_loop.prediction_log.database import Database, Logged, Outcome, new_id, utc

from . import measured
from .flights import PROJECT, Flights

SKIP = shutil.ignore_patterns(".git", ".venv", ".uv", "build", "tmp", "cache")
DAYS, DISTINCT, BATCH = 28, 100_000, 20_000
DAY_NS = 86_400 * 10**9
LOOP = Path(sys.executable).with_name("loop")
IDENTITY = {"NAME": "Benchmark", "EMAIL": "benchmark@localhost"}


def show(flights: Flights, given: Namespace) -> None:
    """Print a row for each size."""
    print("\n| rows | export: CPU s | per million | peak MB "
          "| evaluate: CPU s | per million | peak MB | verdict |\n"
          "|---:|---:|---:|---:|---:|---:|---:|---|")  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        project = _project(Path(place) / "project")
        for millions in given.millions:
            _measure(flights, project, Path(place), round(millions * 1e6))


def _measure(flights: Flights, project: Path, place: Path, n: int) -> None:
    log, days, history = place / "log.db", place / "days", project / ".cache"
    _write_log(flights, log, n)
    export = _run(project, "log", "export", "--url", f"sqlite:///{log}", str(days))
    for file in place.glob("log.db*"):
        file.unlink()
    (project / "monitor.yaml").write_text(_policy(days), encoding="utf-8")
    evaluate = _run(project, "monitor", "evaluate", allowed=(0, 8, 9))
    report = json.loads((project / "reports" / "monitor.json").read_text("utf-8"))
    shutil.rmtree(days)
    shutil.rmtree(history, ignore_errors=True)
    costs = [(c["cpu_s"], c["cpu_s"] / n * 1e6, c["peak_mb"]) for c in (export, evaluate)]
    cells = [f"{cpu_s:.1f} | {each:.1f} | {peak:.0f}" for cpu_s, each, peak in costs]
    verdict = report["findings"]["model"]["message"]
    print(f"| {n:,} | {' | '.join(cells)} | {verdict} |", flush=True)


def _policy(days: Path) -> str:
    return json.dumps({"stale_days": 30, "traffic": {"kind": "folder", "path": str(days)}})


def _project(folder: Path) -> Path:
    """Return a copy with a history of its own, whose model is in production since now."""
    shutil.copytree(PROJECT, folder, ignore=SKIP)
    cache = (PROJECT / ".dvc" / "cache").resolve()
    (folder / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {cache}\n", "utf-8")
    for words in (
        "init --quiet --initial-branch main",
        "add --all",
        "commit --quiet --message Rows",
    ):
        _run(folder, *words.split(), program="git")
    bundle = json.loads((folder / "models/bundle/manifest.json").read_text("utf-8"))
    verdict = {"decision": "PROMOTE", "challenger": bundle["id"], "champion": None}
    code = (
        "from pathlib import Path; from mlops_loop.model import bundle; "
        "from mlops_loop.registry import ledger; "
        f"ledger.register(Path(), bundle.load(Path('models/bundle')), {verdict!r}); "
        "ledger.assign(Path(), 'v1.0.0', why='to measure it')"
    )
    _run(folder, "-c", code, program=sys.executable)
    return folder


def _run(
    folder: Path, *words: str, program: str = str(LOOP), allowed: tuple[int, ...] = (0,)
) -> dict[str, float]:
    """Return the cost of a program in a folder; raises RuntimeError where it fails."""
    who = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in IDENTITY.items()}
    call = [sys.executable, measured.__file__, shutil.which(program), *words]
    done = subprocess.run(call, cwd=folder, env=os.environ | who, stdout=subprocess.PIPE, text=True)
    if done.returncode not in allowed:
        raise RuntimeError(f"{' '.join(words)}: exit code {done.returncode}: {done.stdout}")
    return json.loads(done.stdout.splitlines()[-1])


def _write_log(flights: Flights, file: Path, n: int) -> None:
    """Write n requests of one row, each with its outcome, evenly over the days before today."""
    database = Database(f"sqlite:///{file}", writes=True)
    texts = _texts(flights)
    start = datetime.combine(datetime.now(UTC).date() - timedelta(days=DAYS), time(), UTC)
    moments = int(start.timestamp()) * 10**9 + np.arange(n) * (DAYS * DAY_NS // n)
    which = np.random.default_rng(0).integers(len(texts), size=n)
    for begin in range(0, n, BATCH):
        part = slice(begin, begin + BATCH)
        rows = list(_requests(moments[part].tolist(), which[part].tolist(), texts))
        with database.cursor() as cursor:
            cursor.insert("predictions", [request for request, _ in rows], "DO NOTHING")
            cursor.insert("outcomes", [outcome for _, outcome in rows], "DO NOTHING")
    database.close()


def _requests(
    moments: list[int], which: list[int], texts: list[tuple[str, str, str]]
) -> Iterator[tuple[Logged, Outcome]]:
    for at, i in zip(moments, which, strict=True):
        inputs, predictions, outcome = texts[i]
        id_ = new_id(at)
        yield (
            Logged(id_, utc(at), "v1.0.0", "sha256:0", 2.5, None, 1, inputs, predictions),
            Outcome(id_, 0, utc(at + DAY_NS // 2), outcome),
        )


def _texts(flights: Flights) -> list[tuple[str, str, str]]:
    """Return inputs, predictions and outcome of many rows as JSON."""
    contract = flights.model.contract
    rows = flights.rows.sample(DISTINCT, random_state=0)
    inputs = rows[contract.names].astype(object)
    records = inputs.where(inputs.notna(), None).to_dict("records")
    low, high = contract.classes
    return [
        (
            json.dumps([record]),
            json.dumps([{"prediction": high if p >= contract.threshold else low, "probability": p,
                         "probabilities": {low: 1 - p, high: p}}]),
            json.dumps(contract.classes[y]),
        )
        for record, p, y in zip(records, rows["p"], rows["y"], strict=True)
    ]  # fmt: skip
