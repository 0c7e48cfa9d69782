"""Write loop/docs/scale.md and its picture from figures that other pages have measured.

    python -m benchmarks.scale

Each figure is read from the page that measured it, so a new measurement changes this page as well;
`tests/test_scale.py` compares. The picture needs matplotlib.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = "<<cookiecutter.project_slug>>/loop/docs"
PAGE, PICTURE = ROOT / DOCS / "scale.md", ROOT / DOCS / "scale.svg"
TEMPLATE = Path(__file__).with_name("scale.md")
RATES, MODELS = (10, 1_000, 100_000), (1, 100, 10_000)
DAY_S, LOAD, JOB_S = 86_400, 0.5, 3_600
PRICE_USD, FREE_MINUTES = 0.006, 2_000  # loop/docs/github.md
PUSHES, MERGES = 20, 8  # a month, as in loop/docs/github.md
WEEK, YEAR = 52, 365


@dataclass(frozen=True)
class Figure:
    """A measured number, and the file that has it."""

    value: float
    page: str


def read(page: str, pattern: str) -> Figure:
    """Find a number in a page; stop where the page no longer has it."""
    found = re.search(pattern, (ROOT / page).read_text(encoding="utf-8"))
    if not found:
        raise SystemExit(f"{page} has nothing like {pattern}")
    return Figure(float(found[1].replace(",", "")), page)


def figures() -> dict[str, Figure]:
    """Return all figures that the page rests on."""
    speed, log = "docs/serving-speed.md", "docs/monitoring-statistics.md"
    ours = r"\| ours: ONNX, logs and metrics on \|[^|]*\| ([\d,]+)/s"
    export = r"\| log export \| 1,000,000 \| [\d.]+ \| ([\d.]+) \|"
    ledger, github = "docs/ledger.md", f"{DOCS}/github.md"
    last = r"\| deploy: version, image, signature (?:\| [\d.]+ ){4}(?:\| [\d.]+ ){2}\| ([\d.]+) \|"
    jobs = r"30 x monitor (\d+)"
    weekly = r"4 x \(retrain (\d+)"
    return {
        "requests": read(speed, ours),
        "export_s": read(log, export),
        "export_mb": read(log, r"\| log export \| 1,000,000 \|.*\| ([\d,]+) MB of files"),
        "ledger_s": read(ledger, last),
        "monitor": read(github, jobs),
        "retrain": read(github, weekly),
        "busy": read(github, r"= (\d+) minutes of 2,000"),
    }


def number(value: float) -> str:
    """Write two digits that count, with thousands."""
    if value == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{round(value, 1 - math.floor(math.log10(abs(value)))):,.{digits}f}"


def traffic(known: dict[str, Figure], rate: int) -> list[str]:
    """Return one row: pods, rows, size, time to read them."""
    pods = max(2, math.ceil(rate / (known["requests"].value * LOAD)))
    rows = rate * DAY_S
    size = rows / 1e6 * known["export_mb"].value / 1e3
    hours = rows / 1e6 * known["export_s"].value / 3600
    return [f"{rate:,}", f"{pods:,}", number(rows / 1e6), number(size), number(hours)]


def fleet(known: dict[str, Figure], models: int) -> list[str]:
    """Return one row: repositories, tags, minutes, money."""
    quiet = 30 * known["monitor"].value + 4 * (known["retrain"].value + 2)
    tags = 2 * WEEK
    return [
        f"{models:,}", f"{models:,}", f"{tags:,}", f"{tags * models:,}", number(quiet * models),
        number(known["busy"].value * models),
        number(max(0, known["busy"].value * models - FREE_MINUTES) * PRICE_USD),
    ]  # fmt: skip


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table of numbers in Markdown."""
    lines = [head, ["--:"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page() -> str:
    """Return the whole page."""
    known = figures()
    one = known["requests"].value
    end_rate = JOB_S / known["export_s"].value * 1e6 / DAY_S
    versions = 2 / known["ledger_s"].value * 10_000
    sources = {
        "requests a second of one core, 16 connections, log and metrics on": "requests",
        "CPU seconds to read a million rows of the log": "export_s",
        "MB of Parquet for a million rows": "export_mb",
        "CPU seconds that a deployment reads the ledger, 10,000 versions": "ledger_s",
        "billed minutes of `monitor`, a day": "monitor",
        "billed minutes of `retrain`, a week (and 2 of `security`)": "retrain",
        f"billed minutes a month, {PUSHES} pushes and {MERGES} merges": "busy",
    }
    rows = [[text, number(known[name].value), f"`{known[name].page.replace(DOCS, 'loop/docs')}`"]
            for text, name in sources.items()]  # fmt: skip
    listed = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    traffics = table(
        ["requests a second", "pods of one core", "million rows a day", "GB a day",
         "CPU hours to read a day"],
        [traffic(known, rate) for rate in RATES],
    )  # fmt: skip
    fleets = table(
        ["models", "repositories", "tags a year, each", "tags a year, all",
         "minutes a month, at rest", "in use", "USD a month, private"],
        [fleet(known, models) for models in MODELS],
    )  # fmt: skip
    return TEMPLATE.read_text(encoding="utf-8").format(
        traffics=traffics, fleets=fleets, sources=listed, load=f"{LOAD:.0%}", one=f"{one:,.0f}",
        end_rate=number(end_rate), versions=number(versions), years=number(versions / WEEK),
        daily=number(versions / YEAR), price=PRICE_USD,
    )  # fmt: skip


def draw(known: dict[str, Figure]) -> None:
    """Draw the three costs that grow, each over what it grows with."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "scale", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    rates = [10**k for k in range(1, 6)]
    models = [10**k for k in range(5)]
    one = known["requests"].value * LOAD
    pods = [max(2, math.ceil(rate / one)) for rate in rates]
    size = [rate * DAY_S / 1e9 * known["export_mb"].value for rate in rates]
    minutes = [count * known["busy"].value for count in models]
    lines = [
        ("requests a second", "pods of one core", rates, pods),
        ("requests a second", "GB of log a day", rates, size),
        ("models in use", "Actions minutes a month", models, minutes),
    ]
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    for axis, (x, y, at, values) in zip(axes, lines, strict=True):
        axis.loglog(at, values, marker="o", markersize=3, color="#0969da")
        axis.set(xlabel=x, title=y)
        axis.grid(alpha=0.3)
        axis.minorticks_off()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    draw(figures())
