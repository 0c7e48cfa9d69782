"""The tables and the picture of docs/full-data.md, from what full_data.py has measured."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd

PICTURE = Path(__file__).parents[1] / "docs" / "full-data.svg"
STAGES = ("ingest", "validate", "prepare", "train", "export", "evaluate")
MB = 1e6


def programs(records: list[dict]) -> list[str]:
    """Return the names of what was measured, in its order."""
    return list(dict.fromkeys(record["name"] for record in records))


def table_of(records: list[dict]) -> str:
    """Markdown: seconds, growth and memory by stage; then the ratio to the plain script."""
    lines = [
        "| stage | rows | seconds of processors | growth for 10 times the rows |"
        " peak memory, MB | times the raw table |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in programs(records):
        before = None
        for record in (r for r in records if r["name"] == name):
            cost = record["net"]
            growth = f"{cost.cpu / before:.1f}" if before else ""
            lines.append(
                f"| {name} | {record['rows']:,} | {cost.cpu:.1f} | {growth} "
                f"| {cost.bytes / MB:,.0f} | {cost.bytes / record['raw_bytes']:.1f} |"
            )
            before = cost.cpu
    lines.append("")
    for rows in sorted({record["rows"] for record in records}):
        costs = {r["name"]: r["net"].cpu for r in records if r["rows"] == rows}
        for plain in (name for name in costs if name not in STAGES):
            ratios = [costs[name] / costs[plain] for name in ("train", *STAGES)]
            lines.append(
                f"{rows:,} rows ({plain}): `train` takes {ratios[0]:.2f} times its time of "
                f"processors, all stages together {math.fsum(ratios[1:]):.2f} times.\n"
            )
    return "\n".join(lines)


def plot(records: list[dict]) -> None:
    """Write the picture of the page: time and memory by rows, a line for each program."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "full-data"
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for name in programs(records):
        own = [record for record in records if record["name"] == name]
        rows, style = [record["rows"] for record in own], "--" if name not in STAGES else "-"
        left.plot(rows, [r["net"].cpu for r in own], style, marker="o", label=name)
        right.plot(rows, [r["net"].bytes / r["raw_bytes"] for r in own], style, marker="o")
    left.set(xscale="log", yscale="log", xlabel="rows", ylabel="time of processors (s)")
    right.set(xscale="log", xlabel="rows", ylabel="peak memory (times the raw table)", ylim=(0, 12))
    right.axhline(3, color="grey", linewidth=1)
    left.legend(fontsize=8)
    figure.savefig(PICTURE, metadata={"Date": None})


def table_of_scores(table: pd.DataFrame) -> str:
    """Markdown: by model and program the ROC AUC, and what the loop has more."""
    lines = [
        "| model | program | seeds | ROC AUC | least to most | loop less this | standard error |",
        "|---|---|---:|---:|---|---:|---:|",
    ]
    for (model, by), row in table.iterrows():
        gap = f"{row['gap']:+.4f}" if by != "loop" else ""
        error = f"{row['error']:.4f}" if gap and row["size"] > 1 else ""
        lines.append(
            f"| {model} | {by} | {row['size']:.0f} | {row['mean']:.4f} "
            f"| {row['min']:.4f} to {row['max']:.4f} | {gap} | {error} |"
        )
    return "\n".join(lines)
