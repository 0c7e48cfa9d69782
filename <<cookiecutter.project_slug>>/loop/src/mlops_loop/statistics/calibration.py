"""Learned from validation rows: a calibration of probabilities, and a decision threshold."""

from __future__ import annotations

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.pipeline import Pipeline

from mlops_loop.errors import DataRefused

DECISION_SCORES = {"balanced_accuracy": balanced_accuracy_score, "f1": f1_score}


def calibrate(pipeline: Pipeline, method: str, x: np.ndarray, y: np.ndarray) -> Pipeline:
    """The pipeline with its model inside a calibration that is learned on these rows.

    sigmoid: Platt 1999; isotonic: Zadrozny and Elkan 2002; more classes one against the rest.
    """
    *head, (name, model) = pipeline.steps
    calibrated = CalibratedClassifierCV(FrozenEstimator(model), method=method)
    calibrated.fit(pipeline[:-1].transform(x), y)
    # skl2onnx 1.20 does not know FrozenEstimator, which has done its work.
    calibrated.estimator = calibrated.calibrated_classifiers_[0].estimator = model
    return Pipeline([*head, (name, calibrated)])


def choose_threshold(rule: str, y: np.ndarray, positive: np.ndarray) -> float:
    """The probability from which on to decide, so that `rule` (of DECISION_SCORES) is greatest.

    y: (n_rows,) 0 or 1. positive: (n_rows,) probabilities of 1. Raises DataRefused for one class.
    """
    if len(np.unique(y)) < 2:
        raise DataRefused("The validation rows have one class only: no threshold can be chosen.")
    grid = np.unique(np.round(np.quantile(positive, np.linspace(0.01, 0.99, 99)), 4))
    return float(max(grid, key=lambda limit: DECISION_SCORES[rule](y, positive >= limit)))
