"""Learned from validation rows: a calibration of probabilities, and a decision threshold."""

from __future__ import annotations

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import confusion_matrix_at_thresholds
from sklearn.pipeline import Pipeline

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.text import plain

# An exported model has float32 scores, up to 1e-6 from those of the pipeline.
LEAST_GAP = 2e-6

# Greatest where the metric is, from counts: true and false negatives, false and true positives.
RULES = {
    "balanced_accuracy": lambda tn, fp, fn, tp: tp * (tn + fp) + tn * (tp + fn),
    "f1": lambda tn, fp, fn, tp: 2 * tp / (2 * tp + fp + fn),
}


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
    """The probability from which on to decide, so that `rule` (of RULES) is greatest.

    y: (n_rows,) 0 or 1. positive: (n_rows,) probabilities of 1. Every cut between two neighbouring
    probabilities that are LEAST_GAP apart is tried: so both decisions occur, and the exported model
    decides as the pipeline does. Of equal cuts the one in the widest gap is taken. Raises
    DataRefused for one class, and where there is no such cut.
    """
    if len(np.unique(y)) < 2:
        raise DataRefused("The validation rows have one class only: no threshold can be chosen.")
    *counts, scores = confusion_matrix_at_thresholds(
        y, positive.astype(float)
    )  # the greatest first
    gaps = -np.diff(scores)
    if not (gaps >= LEAST_GAP).any():
        raise DataRefused(
            f"No threshold divides the validation rows: their probabilities are {scores[-1]:.6g} "
            f"to {scores[0]:.6g}, and no two neighbours are {LEAST_GAP:g} apart. The model does "
            "not tell rows apart: give it other columns, another train.estimator or train.grid, or "
            "train.class_weight: balanced."
        )
    values = RULES[rule](*(count[:-1] for count in counts))
    best = np.lexsort([gaps, np.where(gaps >= LEAST_GAP, values, -1)])[-1]
    return _between(scores[best + 1], scores[best])


def _between(low: float, high: float) -> float:
    """The number of fewest digits in the middle half of a gap: it can be shown as it is."""
    middle = (low + high) / 2
    shorter = (float(f"{middle:.{digits}g}") for digits in range(1, 18))
    return next(value for value in shorter if abs(value - middle) <= (high - low) / 4)


def refuse_one_sided(threshold: float, y: np.ndarray, positive: np.ndarray, name: str) -> None:
    """Raise UsageError where `threshold` puts all rows on one side, and not all belong there.

    y: (n_rows,) 0 or 1. positive: (n_rows,) probabilities of 1, the class `name`.
    """
    called = positive >= threshold
    if called.any() != called.all() or (called == y).all():
        return
    which = "all" if called.all() else "none"
    raise UsageError(
        f"train.threshold = {plain(threshold)} calls {which} of {len(y):,} validation rows "
        f"{name!r}, and {y.sum():,} are: their probabilities are {positive.min():.4g} to "
        f"{positive.max():.4g}. Set f1 or balanced_accuracy, which try every cut, or a number "
        "between these."
    )
