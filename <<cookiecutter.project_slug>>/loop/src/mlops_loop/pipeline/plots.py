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
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import confusion_matrix

from mlops_loop import tasks
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.statistics.metrics import Metric
from mlops_loop.tasks.plot import Plot
from mlops_loop.text import with_unit

MAX_POINTS = 500
MAX_BARS = 15
INK, ACCENT, MUTED = "#1f2933", "#0b7285", "#adb5bd"
STYLE: dict[Any, Any] = {"svg.hashsalt": "plots", "text.parse_math": False, "axes.edgecolor": MUTED}
STYLE |= {"axes.spines.top": False, "axes.spines.right": False, "axes.labelcolor": INK}

DIAGONAL: dict[str, Any] = {"color": MUTED, "linestyle": "--", "linewidth": 1, "zorder": 0}
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": "small", "labelcolor": INK}


def write_all(
    model: Contender, importance: list[dict[str, Any]], metric: Metric, folder: Path
) -> None:
    """Write NAME.csv and NAME.svg for every plot of the task; the same input, the same bytes.

    importance: see `evaluate.importance`, of this metric. In a table the column "NAME unit" is the
    unit of the column NAME.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots = tasks.of(model.contract).plots(model.y, model.scores, model.contract)
    plots["importance"] = _importance(importance, metric, model.contract)
    for name, plot in plots.items():
        table = pd.DataFrame(plot.columns)
        if plot.draw != "matrix":
            table = _thin(table)
        path, look = folder / f"{name}.csv", {"float_format": "%.6f", "lineterminator": "\n"}
        units = {f"{column} unit": plot.unit for column in _in_unit(plot, table)}
        table.assign(**units).to_csv(path, index=False, **look)
        _save(plot, table, folder / f"{name}.svg")


def _importance(records: list[dict[str, Any]], metric: Metric, contract: Contract) -> Plot:
    shuffled = f"loss of {metric.name} when the column is shuffled"
    unit, axes = metric.unit_of(contract), (shuffled, "column")
    return Plot("Permutation importance", "bars", records, unit=unit, axes=axes)


def _in_unit(plot: Plot, table: pd.DataFrame) -> list[str]:
    """The drawn columns that have the plot's unit."""
    drawn = ["loss"] if plot.draw == "bars" else table.columns[:2]
    return [name for name in drawn if plot.unit and name != "rows"]


def _titles(plot: Plot, table: pd.DataFrame) -> dict[str, str]:
    """Titles of both axes with units, for `Axes.set`."""
    names = table.columns[:2]
    titles = (title or name for title, name in zip(plot.axes, names, strict=True))
    units = (plot.unit if name in _in_unit(plot, table) else "" for name in names)
    return dict(zip(("xlabel", "ylabel"), map(with_unit, titles, units), strict=True))


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
    many = len(pd.DataFrame(plot.columns))
    rows = f"{len(table):,} of {many:,} rows" if plot.draw == "scatter" else "this model"
    getattr(axes, plot.draw)(table[x], table[y], color=ACCENT, label=rows, **plot.look)
    if plot.diagonal:
        middle = table[x].mean()
        axes.axline((middle, middle), slope=1, label=plot.diagonal, **DIAGONAL)
        axes.legend(**LEGEND)
    axes.set(**_titles(plot, table), **plot.limits)


def _draw_matrix(axes: Axes, plot: Plot, table: pd.DataFrame) -> None:
    counts = confusion_matrix(table["actual"], table["predicted"], labels=plot.labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
    bar = axes.figure.colorbar(image, shrink=0.8, format=PercentFormatter(1))
    bar.set_label("share of the actual class", color=INK)
    for row, column in np.ndindex(counts.shape):
        text = f"{counts[row, column]:,}\n{shares[row, column]:.0%}"
        color = "white" if shares[row, column] > 0.6 else INK
        axes.text(column, row, text, ha="center", va="center", color=color)
    axes.set(**_titles(plot, table))
    axes.set_xticks(range(len(counts)), plot.labels)
    axes.set_yticks(range(len(counts)), plot.labels)


def _draw_bars(axes: Axes, plot: Plot, table: pd.DataFrame) -> None:
    top = table.head(MAX_BARS)[::-1]
    names = top["column"].str.slice(0, 24)
    look: dict[str, Any] = {
        "color": ACCENT,
        "ecolor": MUTED,
        "label": "mean and spread of the shuffles",
    }
    axes.barh(range(len(top)), top["loss"], xerr=top["spread"], **look)
    axes.set_yticks(range(len(top)), names)
    axes.set_xlabel(with_unit(plot.axes[0], plot.unit), fontsize="small")
    axes.axvline(0, color=MUTED, linewidth=1, zorder=0)
    axes.legend(loc="lower right", **LEGEND)


DRAWINGS = {"matrix": _draw_matrix, "bars": _draw_bars}
