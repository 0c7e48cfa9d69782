"""Estimators by name: how to make one, and the grid to search where `params.yaml` has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge

from ..errors import UsageError

Maker = Callable[[int], BaseEstimator]


@dataclass(frozen=True)
class Estimator:
    """Makers by task, taking the seed; `numbers` is how `features.NUMBERS` prepares them."""

    classification: Maker
    regression: Maker
    grid: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    numbers: str = "raw"

    def make(self, task: str, seed: int) -> BaseEstimator:
        return getattr(self, task)(seed)


def _same(grid: dict[str, list[Any]]) -> dict[str, dict[str, list[Any]]]:
    return {"classification": grid, "regression": grid}


ESTIMATORS = {
    "linear": Estimator(
        classification=lambda seed: LogisticRegression(max_iter=1000, random_state=seed),
        regression=lambda seed: Ridge(random_state=seed),
        grid={
            "classification": {"C": [0.01, 0.1, 1.0, 10.0]},
            "regression": {"alpha": [0.1, 1.0, 10.0, 100.0]},
        },
        numbers="scaled",
    ),
    "hist_gradient_boosting": Estimator(
        classification=lambda seed: HistGradientBoostingClassifier(random_state=seed),
        regression=lambda seed: HistGradientBoostingRegressor(random_state=seed),
        grid=_same(
            {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [8, 31], "min_samples_leaf": [50]}
        ),
    ),
    "random_forest": Estimator(
        classification=lambda seed: RandomForestClassifier(random_state=seed, n_jobs=-1),
        regression=lambda seed: RandomForestRegressor(random_state=seed, n_jobs=-1),
        grid=_same(
            {"n_estimators": [100], "min_samples_leaf": [5, 20], "max_features": ["sqrt", 0.5]}
        ),
        numbers="filled",
    ),
}


def find(name: str) -> Estimator:
    """The estimator of that name; raises UsageError with the names that there are."""
    if name not in ESTIMATORS:
        raise UsageError(
            f"train.estimator = {name!r} is not known. Choose one of: {', '.join(ESTIMATORS)}."
        )
    return ESTIMATORS[name]
