"""Whether memory stays flat under load: ten minutes of all that clients send, good and bad.

    apt install wrk
    python -m benchmarks.serving.memory --minutes 10 --page docs/serving-memory.md

One row, 100 and 10,000 rows, a value that is refused, half a body and a path that is not there come
in turn over 16 connections, with logs and metrics on. The resident memory of the process is read
every five seconds. It is flat where the median of the last fifth of the time is at most 5 % above
that of the second fifth; otherwise the command exits with 1.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from .__main__ import WORK, Server, environment, forget, prepare
from .targets import TARGETS

EVERY_S, ALLOWED = 5, 1.05
MIX = """local bodies = {{}}
for _, name in ipairs({{"rows-1", "rows-100", "rows-10000", "refused"}}) do
  bodies[name] = assert(io.open("{work}/" .. name .. ".json")):read("*a")
end
local n = 0
request = function()
  n = n + 1
  local body, path = bodies["rows-1"], "/predict"
  if n % 2000 == 0 then body = bodies["rows-10000"]
  elseif n % 50 == 0 then body = bodies["rows-100"]
  elseif n % 11 == 0 then body = bodies["refused"]
  elseif n % 13 == 0 then body = string.sub(body, 1, 100)
  elseif n % 17 == 0 then path = "/nowhere/" .. n end
  return wrk.format("POST", path, {{["Content-Type"] = "application/json"}}, body)
end
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function init() statuses = "" counts = {{}} end
function response(status)
  counts[status] = (counts[status] or 0) + 1
  statuses = ""
  for code, many in pairs(counts) do statuses = statuses .. code .. ":" .. many .. " " end
end
function done()
  for _, thread in ipairs(threads) do print("statuses " .. thread:get("statuses")) end
end
"""


def resident_mb(server: Server) -> float:
    """Return what the process holds now, in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def picture(samples: list[tuple[float, float]]) -> str:
    """Return the samples (minutes, MB) as an SVG that reads in light and dark."""
    width, height, left, low = 640, 220, 56, 30
    top = max(mb for _, mb in samples) * 1.1
    end = max(minute for minute, _ in samples)
    points = " ".join(
        f"{left + (width - left - 10) * minute / end:.1f},{(height - low) * (1 - mb / top):.1f}"
        for minute, mb in samples
    )
    marks = "".join(
        f'<text x="{left - 6}" y="{(height - low) * (1 - mb / top) + 4:.0f}" text-anchor="end">'
        f"{mb:.0f} MB</text>"
        for mb in (0, top / 2.2, top / 1.1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="#888"><title>Resident memory, MB, over '
        f'{end:.0f} minutes of load</title><path d="M{left} 0V{height - low}H{width - 10}" '
        f'fill="none" stroke="#888"/><polyline points="{points}" fill="none" stroke="#3b82f6" '
        f'stroke-width="2"/>{marks}<text x="{width - 10}" y="{height - 8}" text-anchor="end">'
        f"{end:.0f} minutes</text></svg>\n"
    )


def main() -> int:
    """Load the endpoint, watch its memory, say whether it is flat."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--page", type=Path, help="write a page and, beside it, a picture")
    asked = parser.parse_args()
    prepare()
    target = next(each for each in TARGETS if each.name.startswith("ours: ONNX, logs and"))
    row = json.loads((WORK / "rows-1.json").read_text())
    (WORK / "refused.json").write_text(json.dumps(row | {next(iter(row)): [1]}))
    script = WORK / "mix.lua"
    script.write_text(MIX.format(work=WORK))
    server = Server(target, environment(target), 0)
    samples, seconds = [], round(asked.minutes * 60)
    try:
        started = resident_mb(server)
        load = subprocess.Popen(
            ["taskset", "--cpu-list", "1", "wrk", "-t1", "-c16", f"-d{seconds}s", "--timeout",
             "60s", "-s", script, server.url(1)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        begun = time.monotonic()
        while load.poll() is None:
            time.sleep(min(EVERY_S, seconds / 20))
            samples.append(((time.monotonic() - begun) / 60, resident_mb(server)))
            print(f"{samples[-1][0]:5.1f} min  {samples[-1][1]:6.1f} MB", flush=True)
        printed = load.communicate()[0]
    finally:
        server.stop()
        forget()
    fifth = len(samples) // 5
    early = statistics.median(mb for _, mb in samples[fifth : 2 * fifth])
    late = statistics.median(mb for _, mb in samples[-fifth:])
    flat = late <= early * ALLOWED
    statuses = re.search(r"statuses (.+)", printed)[1].split()
    answers = ", ".join(f"{each.split(':')[1]} times {each.split(':')[0]}" for each in statuses)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])
    said = (
        f"{asked.minutes:g} minutes, {rate:,.0f} requests a second (answers: {answers}). "
        f"Memory: {started:.0f} MB before, {early:.0f} MB in the second fifth of the time, "
        f"{late:.0f} MB in the last: {'flat' if flat else 'it grows'}."
    )
    print(said)
    if asked.page:
        drawn = asked.page.with_suffix(".svg")
        drawn.write_text(picture(samples))
        command = "python -m benchmarks.serving.memory --page docs/serving-memory.md"
        text = (
            f"# Memory under load, measured\n\nMade by `{command}` (needs `wrk`): rows, batches, "
        )
        text += "refused values, broken bodies and unknown paths over 16 connections, logs on.\n\n"
        asked.page.write_text(f"{text}{said}\n\n![Memory over time]({drawn.name})\n")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
