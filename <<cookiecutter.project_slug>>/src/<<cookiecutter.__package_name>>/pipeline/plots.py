"""Plots of the holdout: each as data for `dvc plots` and as an SVG to look at.

A plot is a function that gives the points of its curve; `PLOTS` says how to draw them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics as skm

from ..contract import Contract

MAX_POINTS = 500
INK, ACCENT, MUTED = "#1f2933", "#0b7285", "#adb5bd"
STYLE = {
    "svg.hashsalt": "plots",
    "text.parse_math": False,
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}

Points = Callable[[np.ndarray, np.ndarray, Contract], pd.DataFrame]
Draw = Callable[[Axes, pd.DataFrame, Contract], None]


@dataclass(frozen=True)
class Plot:
    """`points` makes the table that DVC shows and `draw` draws; axes are its first columns."""

    title: str
    points: Points
    draw: Draw


def _thin(table: pd.DataFrame) -> pd.DataFrame:
    """At most MAX_POINTS rows, evenly spread, first and last kept."""
    if len(table) <= MAX_POINTS:
        return table
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, MAX_POINTS).astype(int))]


def _roc(y: np.ndarray, scores: np.ndarray, contract: Contract) -> pd.DataFrame:
    fpr, tpr, _ = skm.roc_curve(y == len(contract.classes) - 1, scores[:, -1])
    return _thin(pd.DataFrame({"false positive rate": fpr, "true positive rate": tpr}))


def _precision_recall(y: np.ndarray, scores: np.ndarray, contract: Contract) -> pd.DataFrame:
    positive = y == len(contract.classes) - 1
    precision, recall, _ = skm.precision_recall_curve(positive, scores[:, -1])
    return _thin(pd.DataFrame({"recall": recall, "precision": precision}))


def _calibration(y: np.ndarray, scores: np.ndarray, contract: Contract) -> pd.DataFrame:
    bins = np.clip((scores[:, -1] * 10).astype(int), 0, 9)
    positive = y == len(contract.classes) - 1
    table = pd.DataFrame({"bin": bins, "predicted": scores[:, -1], "observed": positive})
    grouped = table.groupby("bin")
    return grouped.mean().assign(rows=grouped.size()).reset_index(drop=True)


def _confusion(y: np.ndarray, scores: np.ndarray, contract: Contract) -> pd.DataFrame:
    labels = np.array(contract.classes)
    return pd.DataFrame({"predicted": labels[contract.decide(scores)], "actual": labels[y]})


def _predicted(y: np.ndarray, scores: np.ndarray, contract: Contract) -> pd.DataFrame:
    table = pd.DataFrame({"predicted": scores, "actual": y})
    return _thin(table.sort_values(["predicted", "actual"]))


def _residuals(y: np.ndarray, scores: np.ndarray, contract: Contract) -> pd.DataFrame:
    edges = np.quantile(y - scores, np.linspace(0.005, 0.995, 41))
    edges = np.linspace(edges[0], edges[-1], 41)
    counts, _ = np.histogram(y - scores, bins=edges)
    return pd.DataFrame({"residual": (edges[:-1] + edges[1:]) / 2, "rows": counts})


def _line(diagonal: bool, marker: str | None = None) -> Draw:
    def draw(axes: Axes, table: pd.DataFrame, contract: Contract) -> None:
        x, y = table.columns[:2]
        if diagonal:
            axes.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
        axes.plot(table[x], table[y], color=ACCENT, linewidth=2, marker=marker)
        axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))

    return draw


def _matrix(axes: Axes, table: pd.DataFrame, contract: Contract) -> None:
    labels = list(contract.classes)
    counts = skm.confusion_matrix(table["actual"], table["predicted"], labels=labels)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        dark = shares[row, column] > 0.6
        text = f"{counts[row, column]:,}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color="white" if dark else INK)
    axes.set(xlabel="predicted", ylabel="actual")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)


def _scatter(axes: Axes, table: pd.DataFrame, contract: Contract) -> None:
    unit = f" ({contract.target_unit})" if contract.target_unit else ""
    axes.scatter(table["predicted"], table["actual"], s=8, alpha=0.4, color=ACCENT)
    limits = [table["predicted"].min(), table["predicted"].max()]
    axes.plot(limits, limits, color=MUTED, linestyle="--", linewidth=1)
    axes.set(xlabel=f"predicted{unit}", ylabel=f"actual{unit}")


def _bars(axes: Axes, table: pd.DataFrame, contract: Contract) -> None:
    unit = f" ({contract.target_unit})" if contract.target_unit else ""
    width = float(np.diff(table["residual"]).mean()) * 0.9
    axes.bar(table["residual"], table["rows"], width=width, color=ACCENT)
    axes.set(xlabel=f"actual - predicted{unit}", ylabel="rows")


PLOTS: dict[str, dict[str, Plot]] = {
    "classification": {
        "roc": Plot("Receiver operating characteristic", _roc, _line(diagonal=True)),
        "precision_recall": Plot("Precision and recall", _precision_recall, _line(False)),
        "calibration": Plot("Calibration", _calibration, _line(True, marker="o")),
        "confusion": Plot("Decisions", _confusion, _matrix),
    },
    "regression": {
        "predicted": Plot("Predicted and actual", _predicted, _scatter),
        "residuals": Plot("Residuals", _residuals, _bars),
    },
}


def write_all(y: np.ndarray, scores: np.ndarray, contract: Contract, folder: Path) -> None:
    """Write NAME.csv and NAME.svg for every plot of the task; the same input, the same bytes.

    Rows of one class only, and rows without the positive class, define no plot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")
    if contract.classes and len(np.unique(y == len(contract.classes) - 1)) < 2:
        return
    for name, plot in PLOTS[contract.task].items():
        table = plot.points(y, scores, contract)
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6f", lineterminator="\n")
        _save(plot, table, contract, folder / f"{name}.svg")


def _save(plot: Plot, table: pd.DataFrame, contract: Contract, path: Path) -> None:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.8, 3.6), layout="constrained")
        axes = figure.add_subplot()
        plot.draw(axes, table, contract)
        axes.set_title(plot.title, loc="left", color=INK, fontweight="bold")
        figure.savefig(path, format="svg", metadata={"Date": None})
