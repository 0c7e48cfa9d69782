"""Tables of curves, for plots: columns by name, the first two are x and y."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as skm

Columns = dict[str, Any]


def roc(positive: np.ndarray, score: np.ndarray) -> Columns:
    """Shares of the negative and of the positive rows above each score; both (n_rows,)."""
    false, true, _ = skm.roc_curve(positive, score)
    return {"false positive rate": false, "true positive rate": true}


def precision_recall(positive: np.ndarray, score: np.ndarray) -> Columns:
    """Recall and precision from each score on; both (n_rows,)."""
    precision, recall, _ = skm.precision_recall_curve(positive, score)
    return {"recall": recall, "precision": precision}


def calibration(positive: np.ndarray, share: np.ndarray) -> Columns:
    """Means of predicted and observed shares in ten equal-width bins, and the rows in each."""
    bins = np.clip((share * 10).astype(int), 0, 9)
    grouped = pd.DataFrame({"predicted": share, "observed": positive}).groupby(bins)
    return {**grouped.mean(), "rows": grouped.size()}


def predicted_and_actual(y: np.ndarray, scores: np.ndarray) -> Columns:
    """Both numbers of each row, in the order of the predicted ones."""
    order = np.lexsort([y, scores])
    return {"predicted": scores[order], "actual": y[order]}


def residuals(y: np.ndarray, scores: np.ndarray) -> Columns:
    """Rows by actual - predicted in 40 bins, without the 1 % that are farthest out."""
    differences = y - scores
    low, high = np.quantile(differences, [0.005, 0.995])
    rows, edges = np.histogram(differences, bins=np.linspace(low, high, 41))
    return {"residual": (edges[:-1] + edges[1:]) / 2, "rows": rows}
