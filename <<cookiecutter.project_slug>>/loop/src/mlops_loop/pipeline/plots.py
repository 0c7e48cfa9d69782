"""Plots of the holdout: each as a table for `dvc plots` and as an SVG to look at.

The task makes the plots of its scores; that of the importance is the same for all.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from mlops_loop import tasks
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.tasks.task import Plot

MAX_POINTS = 500
MAX_BARS = 15
INK, ACCENT, MUTED = "#1f2933", "#0b7285", "#adb5bd"
STYLE: dict[Any, Any] = {"svg.hashsalt": "plots", "text.parse_math": False, "axes.edgecolor": MUTED}
STYLE |= {"axes.spines.top": False, "axes.spines.right": False, "axes.labelcolor": INK}


def write_all(model: Contender, importance: list[dict[str, Any]], folder: Path) -> None:
    """Write NAME.csv and NAME.svg for every plot of the task; the same input, the same bytes.

    importance: see `evaluate.importance`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots = tasks.of(model.contract).plots(model.y, model.scores, model.contract)
    plots["importance"] = Plot("Permutation importance", "bars", importance)
    for name, plot in plots.items():
        table = pd.DataFrame(plot.columns)
        if plot.draw != "matrix":
            table = _thin(table)
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6f", lineterminator="\n")
        _save(plot, table, folder / f"{name}.svg")


def _save(plot: Plot, table: pd.DataFrame, path: Path) -> None:
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # of a name in letters that no font has
        figure = Figure(figsize=(4.8, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(plot.title, loc="left", color=INK, fontweight="bold")
        DRAWINGS.get(plot.draw, _draw)(axes, plot, table)
        figure.savefig(path, metadata={"Date": None})


def _thin(table: pd.DataFrame) -> pd.DataFrame:
    """At most MAX_POINTS rows, evenly spread, first and last kept."""
    n = min(len(table), MAX_POINTS)
    return table.iloc[np.linspace(0, len(table) - 1, n).astype(int)]


def _draw(axes: Axes, plot: Plot, table: pd.DataFrame) -> None:
    x, y = table.columns[:2]
    unit = f" ({plot.unit})" if plot.unit else ""
    if plot.diagonal:
        middle = table[x].mean()
        axes.axline((middle, middle), slope=1, color=MUTED, linestyle="--", linewidth=1)
    getattr(axes, plot.draw)(table[x], table[y], color=ACCENT, **plot.look)
    axes.set(xlabel=f"{x}{unit}", ylabel=y if y == "rows" else f"{y}{unit}")
    axes.set(**plot.limits)


def _draw_matrix(axes: Axes, plot: Plot, table: pd.DataFrame) -> None:
    counts = confusion_matrix(table["actual"], table["predicted"], labels=plot.labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        text = f"{counts[row, column]:,}\n{shares[row, column]:.0%}"
        color = "white" if shares[row, column] > 0.6 else INK
        axes.text(column, row, text, ha="center", va="center", color=color)
    axes.set(xlabel="predicted", ylabel="actual")
    axes.set_xticks(range(len(counts)), plot.labels)
    axes.set_yticks(range(len(counts)), plot.labels)


def _draw_bars(axes: Axes, plot: Plot, table: pd.DataFrame) -> None:
    top = table.head(MAX_BARS)[::-1]
    names = top["column"].str.slice(0, 24)
    axes.barh(range(len(top)), top["loss"], xerr=top["spread"], color=ACCENT, ecolor=MUTED)
    axes.set_yticks(range(len(top)), names)
    axes.set(xlabel="loss when the column is shuffled")


DRAWINGS = {"matrix": _draw_matrix, "bars": _draw_bars}
