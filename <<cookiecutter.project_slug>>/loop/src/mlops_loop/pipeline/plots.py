"""Plots of the holdout: each as a table for `dvc plots` and as an SVG to look at.

One function per task makes the tables of its plots; `PLOTS` says how to draw them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics as skm

from mlops_loop.model.contract import Contract
from mlops_loop.statistics.bootstrap import Contender

MAX_POINTS = 500
MAX_BARS = 15
INK, ACCENT, MUTED = "#1f2933", "#0b7285", "#adb5bd"
STYLE = {"svg.hashsalt": "plots", "text.parse_math": False, "axes.edgecolor": MUTED}
STYLE |= {"axes.spines.top": False, "axes.spines.right": False, "axes.labelcolor": INK}


@dataclass(frozen=True)
class Plot:
    """`draw`, a method of Axes or a key of `DRAWINGS`, shows the columns of the plot's table."""

    title: str
    draw: str
    look: dict[str, Any] = field(default_factory=dict)
    diagonal: bool = False


IMPORTANCE = Plot("Permutation importance", "bars")
PLOTS: dict[str, dict[str, Plot]] = {
    "classification": {
        "roc": Plot("Receiver operating characteristic", "plot", diagonal=True),
        "precision_recall": Plot("Precision and recall", "plot"),
        "calibration": Plot("Calibration", "plot", {"marker": "o"}, diagonal=True),
        "confusion": Plot("Decisions", "matrix"),
        "importance": IMPORTANCE,
    },
    "regression": {
        "predicted": Plot("Predicted and actual", "scatter", {"s": 8, "alpha": 0.4}, diagonal=True),
        "residuals": Plot("Residuals: actual - predicted", "fill_between", {"step": "mid"}),
        "importance": IMPORTANCE,
    },
}


def classification(y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, Any]:
    """Columns of each plot; curves are of the last class against the others."""
    positive, share, labels = y == len(contract.classes) - 1, scores[:, -1], contract.classes
    false, true, _ = skm.roc_curve(positive, share)
    precision, recall, _ = skm.precision_recall_curve(positive, share)
    bins = np.clip((share * 10).astype(int), 0, 9)
    grouped = pd.DataFrame({"predicted": share, "observed": positive}).groupby(bins)
    decided = {"predicted": contract.decide(scores), "actual": y}
    return {
        "roc": {"false positive rate": false, "true positive rate": true},
        "precision_recall": {"recall": recall, "precision": precision},
        "calibration": {**grouped.mean(), "rows": grouped.size()},
        "confusion": {name: np.array(labels)[codes] for name, codes in decided.items()},
    }


def regression(y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, Any]:
    """Columns of each plot; the residuals leave out the 1 % that are farthest out."""
    order, residuals = np.lexsort([y, scores]), y - scores
    limits = np.quantile(residuals, [0.005, 0.995])
    rows, edges = np.histogram(residuals, bins=np.linspace(*limits, 41))
    return {
        "predicted": {"predicted": scores[order], "actual": y[order]},
        "residuals": {"residual": (edges[:-1] + edges[1:]) / 2, "rows": rows},
    }


def write_all(model: Contender, importance: list[dict[str, Any]], folder: Path) -> None:
    """Write NAME.csv and NAME.svg for every plot of the task; the same input, the same bytes.

    importance: see `evaluate.importance`. Rows of one class only, and rows without the positive
    class, define no other plot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contract, columns_of = model.contract, regression
    tables: dict[str, Any] = {"importance": importance}
    if contract.classes:
        columns_of = classification
    if not contract.classes or len(np.unique(model.y == len(contract.classes) - 1)) == 2:
        tables |= columns_of(model.y, model.scores, contract)
    for name, columns in tables.items():
        plot, table = PLOTS[contract.task][name], pd.DataFrame(columns)
        if plot.draw != "matrix":
            table = _thin(table)
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6f", lineterminator="\n")
        with matplotlib.rc_context(STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # of a name in letters that no font has
            figure = Figure(figsize=(4.8, 3.6), layout="constrained")
            axes = figure.add_subplot()
            axes.set_title(plot.title, loc="left", color=INK, fontweight="bold")
            DRAWINGS.get(plot.draw, _draw)(axes, plot, table, contract)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def _thin(table: pd.DataFrame) -> pd.DataFrame:
    """At most MAX_POINTS rows, evenly spread, first and last kept."""
    n = min(len(table), MAX_POINTS)
    return table.iloc[np.linspace(0, len(table) - 1, n).astype(int)]


def _draw(axes: Axes, plot: Plot, table: pd.DataFrame, contract: Contract) -> None:
    x, y = table.columns[:2]
    unit = f" ({contract.target_unit})" if contract.target_unit else ""
    if plot.diagonal:
        axes.axline([table[x].mean()] * 2, slope=1, color=MUTED, linestyle="--", linewidth=1)
    getattr(axes, plot.draw)(table[x], table[y], color=ACCENT, **plot.look)
    axes.set(xlabel=f"{x}{unit}", ylabel=y if y == "rows" else f"{y}{unit}")
    if contract.classes:
        axes.set(xlim=(0, 1), ylim=(0, 1.02))


def _draw_matrix(axes: Axes, plot: Plot, table: pd.DataFrame, contract: Contract) -> None:
    counts = skm.confusion_matrix(table["actual"], table["predicted"], labels=contract.classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        text = f"{counts[row, column]:,}\n{shares[row, column]:.0%}"
        color = "white" if shares[row, column] > 0.6 else INK
        axes.text(column, row, text, ha="center", va="center", color=color)
    axes.set(xlabel="predicted", ylabel="actual")
    axes.set_xticks(range(len(counts)), contract.classes)
    axes.set_yticks(range(len(counts)), contract.classes)


def _draw_bars(axes: Axes, plot: Plot, table: pd.DataFrame, contract: Contract) -> None:
    top = table.head(MAX_BARS)[::-1]
    names = top["column"].str.slice(0, 24)
    axes.barh(range(len(top)), top["loss"], xerr=top["spread"], color=ACCENT, ecolor=MUTED)
    axes.set_yticks(range(len(top)), names)
    axes.set(xlabel="loss when the column is shuffled")


DRAWINGS = {"matrix": _draw_matrix, "bars": _draw_bars}
