"""Cost of the whole path at several sizes: a log, its export by day, counts, the verdict.

The project is copied, its model is registered and put into production, and the rows lie on the 28
days before that, one row in each request, with outcomes. Then commands of the project run, as a
program each: `loop log export` of a log in SQLite (a tenth of the rows, because writing the log
takes longest), and `loop monitor evaluate` of a folder as that writes it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from . import measured
from .flights import PROJECT, Flights
from .made_log import Texts, write_days, write_log

SKIP = shutil.ignore_patterns(".git", ".venv", ".uv", "build", "tmp", "cache")
LOOP = Path(sys.executable).with_name("loop")
IDENTITY = {"NAME": "Benchmark", "EMAIL": "benchmark@localhost"}


def show(flights: Flights, given: Namespace) -> None:
    """Print a row for each size."""
    texts = Texts.of(flights)
    names = "command | rows | CPU s | CPU s per million | peak MB | result"
    print(f"\n| {names} |\n|---|---:|---:|---:|---:|---|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        project = _project(Path(place) / "project")
        for millions in given.millions:
            _export(project, Path(place), texts, round(millions * 1e5))
        for millions in given.millions:
            _evaluate(project, Path(place), texts, round(millions * 1e6))


def _export(project: Path, place: Path, texts: Texts, n: int) -> None:
    log, days = place / "log.db", place / "days"
    write_log(texts, log, n)
    cost = _run(project, "log", "export", "--url", f"sqlite:///{log}", str(days))
    mb = sum(file.stat().st_size for file in days.iterdir()) / 2**20
    _show("log export", n, cost, f"{mb:.0f} MB of files")
    shutil.rmtree(days)
    for file in place.glob("log.db*"):
        file.unlink()


def _evaluate(project: Path, place: Path, texts: Texts, n: int) -> None:
    days = place / "days"
    write_days(texts, days, n)
    (project / "monitor.yaml").write_text(_policy(days), encoding="utf-8")
    cost = _run(project, "monitor", "evaluate", allowed=(0, 8, 9))
    report = json.loads((project / "reports" / "monitor.json").read_text("utf-8"))
    _show("monitor evaluate", n, cost, report["findings"]["model"]["message"])
    shutil.rmtree(days)
    shutil.rmtree(project / ".cache", ignore_errors=True)


def _show(name: str, n: int, cost: dict[str, float], result: str) -> None:
    cpu_s, peak = cost["cpu_s"], cost["peak_mb"]
    each = cpu_s / n * 1e6
    print(f"| {name} | {n:,} | {cpu_s:.1f} | {each:.1f} | {peak:.0f} | {result} |", flush=True)


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
