"""What a prediction costs over HTTP, ours beside FastAPI's own limit and beside other servers.

    apt install wrk
    python -m benchmarks.serving --rounds 3 --peers --page docs/serving-speed.md

A sample project is generated and trained, then every target is started in turn, `--rounds` times,
asked by wrk with 1, 16 and 64 connections for one row and with 1 and 16 for 100 and 10,000 rows.
The server has one core, wrk another. Absolute figures are those of the machine; the ratios to the
limit (FastAPI with the same body checked by pydantic and a constant as answer) are the message.
Peers are installed from the package index into environments of their own, as far as they install.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from .targets import PEERS, PORT, TARGETS, Target

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "build" / "benchmark"
CODE = f"{PROJECT / 'src'}:{PROJECT / 'loop' / 'src'}"
WORK = PROJECT / "serving-benchmark"
CELLS = [(rows, n) for rows in (1, 100, 10_000) for n in (1, 16, 64) if rows == 1 or n < 64]
ASKED = 10_000  # rows whose answers are compared with those of training
LUA = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = assert(io.open("{body}"))
wrk.body = file:read("*a")
"""


@dataclass
class Found:
    """What was measured of a target: one list of values a cell, one value a round."""

    rates: dict[tuple[int, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    p50: dict[tuple[int, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    p99: dict[tuple[int, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: int = 0  # answers that were not 2xx
    wrong: int | None = None
    megabytes: float = 0.0
    start_s: list[float] = field(default_factory=list)


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command whose failure ends the benchmark."""
    subprocess.run(list(map(str, command)), cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def prepare() -> None:
    """Generate and train the project, and write what every target reads."""
    if not PROJECT.exists():
        run(sys.executable, ROOT / "tools" / "bake.py", "--name", "benchmark")
    if not (PROJECT / "models" / "bundle").exists():
        run("make", "pipeline", cwd=PROJECT)
    WORK.mkdir(exist_ok=True)
    forget()  # every run begins with an empty log
    run(PROJECT / ".venv/bin/python", Path(__file__).parent / "prepare.py", WORK, cwd=PROJECT)


def forget() -> None:
    """Delete the logs of predictions, which may have gigabytes."""
    for log in WORK.glob("predictions-*"):
        log.unlink()


def environment(target: Target) -> Path | None:
    """Return the Python that runs a target; None where its libraries do not install."""
    if not target.requires:
        return PROJECT / ".venv" / "bin" / "python"
    folder = ROOT / "build" / "peers" / target.name.split()[0].lower()
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"install {', '.join(target.requires)}", flush=True)
        try:
            run("uv", "venv", "--quiet", "--clear", "--python", "3.11", folder)
            fixed = (WORK / "versions.txt").read_text().split()  # scikit-learn and pandas as ours
            run("uv", "pip", "install", "--quiet", "--python", python, *fixed, *target.requires)
        except subprocess.CalledProcessError:
            return None
        (folder / "ready").touch()
    return python


class Server:
    """A target that runs on one core, from its first answer to its end."""

    def __init__(self, target: Target, python: Path, round_: int):
        """Start it and wait for its first prediction."""
        self.target, begun = target, time.monotonic()
        env = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        env |= {"PATH": f"{python.parent}:{env['PATH']}", "PYTHONPATH": CODE}
        env |= {"WORK": str(WORK), "OMP_NUM_THREADS": "1", **target.env}
        env |= {name: text.format(work=WORK, round=round_) for name, text in target.env.items()}
        command = ["taskset", "--cpu-list", "0", *target.command]
        command[3] = str(python) if command[3] == "python" else command[3]
        apps = Path(__file__).parent / "apps"
        while _answers():  # a server before may have left processes that take their time
            time.sleep(0.2)
            if time.monotonic() - begun > 60:
                raise RuntimeError(f"port {PORT} is taken")
        self.log, begun = (WORK / "server.log").open("w"), time.monotonic()
        self.process = subprocess.Popen(
            [part.format(apps=apps, work=WORK) for part in command],
            cwd=PROJECT if not target.requires else apps,
            env=env, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        while self.ask(1) is None:
            if self.process.poll() is not None or time.monotonic() - begun > 90:
                self.stop()
                raise RuntimeError((WORK / "server.log").read_text()[-600:])
            time.sleep(0.02)
        self.start_s = time.monotonic() - begun

    def ask(self, rows: int) -> bytes | None:
        """Return the answer to the body of so many rows; None where there is none yet."""
        body = (WORK / self.target.body.format(rows=rows)).read_bytes()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url(rows), body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return answer.read()
        except (urllib.error.URLError, ConnectionError):
            return None

    def url(self, rows: int) -> str:
        """Return the address for one row, or for many."""
        path = self.target.path if rows == 1 else self.target.many or self.target.path
        return f"http://127.0.0.1:{PORT}{path}"

    def load(self, rows: int, connections: int, seconds: int) -> tuple[float, float, float, int]:
        """Return requests per second, p50 and p99 in milliseconds, and answers that failed."""
        script = WORK / "load.lua"
        script.write_text(LUA.format(body=WORK / self.target.body.format(rows=rows)))
        printed = subprocess.run(
            ["taskset", "--cpu-list", "1", "wrk", "--latency", "-t1", f"-c{connections}",
             f"-d{seconds}s", "--timeout", "60s", "-s", script, self.url(rows)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])
        return rate, _ms(printed, "50"), _ms(printed, "99"), int(failed[1]) if failed else 0

    def megabytes(self) -> float:
        """Return the resident memory of the process and of those that it started, at their peak."""
        found, parents = 0, {self.process.pid}
        for path in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
            try:
                status = dict(re.findall(r"(\w+):\s+(\d+)", (path / "status").read_text()))
            except OSError:
                continue
            if int(path.name) in parents or int(status["PPid"]) in parents:
                parents.add(int(path.name))
                found += int(status.get("VmHWM", 0))
        return found / 1024

    def stop(self) -> None:
        """End it and whatever it started."""
        for signal in (15, 9):
            try:
                os.killpg(self.process.pid, signal)
                self.process.wait(timeout=10)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.log.close()


def _answers() -> bool:
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
    except OSError:
        return False
    return True


def _ms(printed: str, share: str) -> float:
    value, unit = re.search(rf"{share}%\s+([\d.]+)(us|ms|s|m)", printed).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]


def measure(server: Server, found: Found, seconds: int) -> None:
    """Ask every cell once, the small ones first."""
    target = server.target
    found.start_s.append(server.start_s)
    if target.read and found.wrong is None:
        expected = json.loads((WORK / target.expected).read_text())
        answers = target.read(json.loads(server.ask(ASKED)))
        differ = [abs(one - two) > 1e-5 for one, two in zip(answers, expected, strict=True)]
        found.wrong = sum(differ)
    server.load(1, 16, 1)
    for rows, connections in CELLS:
        rate, p50, p99, failed = server.load(rows, connections, seconds)
        cell = (rows, connections)
        found.rates[cell].append(rate)
        found.p50[cell].append(p50)
        found.p99[cell].append(p99)
        found.failed += failed
    found.megabytes = max(found.megabytes, server.megabytes())


def table(all_found: dict[str, Found]) -> str:
    """Return the table in Markdown: requests per second, p50 / p99, and the ratio to the limit."""
    names = [f"{rows:,} x {n}" for rows, n in CELLS]
    head = ["rows x connections", *names, f"wrong of {ASKED:,}", "peak MB", "start s"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    limit = next(found for name, found in all_found.items() if name.startswith("limit"))
    for name, found in all_found.items():
        cells = []
        for cell in CELLS:
            rate = statistics.median(found.rates[cell])
            ratio = rate / statistics.median(limit.rates[cell])
            p50, p99 = (statistics.median(each[cell]) for each in (found.p50, found.p99))
            cells.append(f"{rate:,.0f}/s, {p50:,.1f} / {p99:,.1f} ms, {ratio:.2f}")
        wrong = "-" if found.wrong is None else str(found.wrong)
        rest = [wrong, f"{found.megabytes:,.0f}", f"{statistics.median(found.start_s):.1f}"]
        failed = f" ({found.failed} failed)" if found.failed else ""
        lines.append("| " + " | ".join([name + failed, *cells, *rest]) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measure what was asked for, round by round, and print or write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=3, help="load of each cell")
    parser.add_argument("--rounds", type=int, default=3, help="each target is started so often")
    parser.add_argument("--only", action="append", help="start of a target's name; repeat it")
    parser.add_argument("--peers", action="store_true", help="other servers too, as they install")
    parser.add_argument("--page", type=Path, help="write a page with the table")
    asked = parser.parse_args()
    chosen = [*TARGETS, *(PEERS if asked.peers else [])]
    if asked.only:
        chosen = [t for t in chosen if t.name.startswith(("limit", *asked.only))]
    prepare()
    pythons = {target.name: environment(target) for target in chosen}
    found: dict[str, Found] = {}
    absent = {
        name: "its libraries do not install" for name, python in pythons.items() if not python
    }
    for round_ in range(asked.rounds):
        for target in chosen:
            if target.name in absent:
                continue
            print(f"round {round_ + 1} of {asked.rounds}: {target.name}", flush=True)
            try:
                server = Server(target, pythons[target.name], round_)
            except RuntimeError as error:
                absent[target.name] = f"it does not start: {str(error).strip().splitlines()[-1:]}"
                print(f"  {error}", flush=True)
                continue
            try:
                measure(server, found.setdefault(target.name, Found()), asked.seconds)
            finally:
                server.stop()
    forget()
    said = f"Rounds: {asked.rounds}, medians; {asked.seconds} s a cell; one core for the server"
    page = f"{table(found)}\n\n{said}."
    page += "".join(f"\n\nNot measured: {name}, because {why}." for name, why in absent.items())
    print(page)
    if asked.page:
        intro = (Path(__file__).parent / "page.md").read_text()
        asked.page.write_text(f"{intro}\n{page}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
