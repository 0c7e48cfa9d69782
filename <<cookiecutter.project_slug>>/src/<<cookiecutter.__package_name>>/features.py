"""From raw rows to the model: what you would change first. Yours to edit.

`model_rows` makes the columns of `schema.ModelInput` out of raw rows, row by row. Everything
that is learned from data (scaling, imputing, encoding) belongs into `build_pipeline`, so that
nothing is learned from the holdout and serving loads one object. `ESTIMATORS` are the names that
`train.estimator` in `params.yaml` may have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from sklearn import ensemble, linear_model
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .contract import Contract


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of the model input that the raw rows do not have yet.

    Looks at one row at a time: same row, same result, whatever stands beside it.
    """
    departure = pd.to_datetime(raw["time_hour"], utc=True).dt.tz_convert("America/New_York")
    clock = raw["sched_dep_time"]
    return raw.assign(
        departure_hour=(clock // 100 + clock % 100 / 60).round(4),
        weekday=departure.dt.day_of_week.astype("int64"),
    )


# How estimators want their numbers. Trees get them unscaled: a scaled float32 could fall on the
# other side of a split in ONNX than it did in training.
NUMBERS = {
    "raw": lambda: "passthrough",
    "filled": lambda: SimpleImputer(strategy="median", keep_empty_features=True),
    "scaled": lambda: make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()),
}


@dataclass(frozen=True)
class Estimator:
    """By task how to make one, and the grid to search where `params.yaml` has none.

    `numbers` is a key of `NUMBERS`.
    """

    makers: dict[str, Callable[..., BaseEstimator]]
    grids: dict[str, dict[str, list[Any]]]
    numbers: str


def _by_task(classification: Any, regression: Any) -> dict[str, Any]:
    return {"classification": classification, "regression": regression}


_BOOSTING = {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [8, 31], "min_samples_leaf": [50]}
_FOREST = {"n_estimators": [100], "min_samples_leaf": [5, 20], "max_features": ["sqrt", 0.5]}

ESTIMATORS = {
    "linear": Estimator(
        _by_task(partial(linear_model.LogisticRegression, max_iter=1000), linear_model.Ridge),
        _by_task({"C": [0.01, 0.1, 1.0, 10.0]}, {"alpha": [0.1, 1.0, 10.0, 100.0]}),
        "scaled",
    ),
    "hist_gradient_boosting": Estimator(
        _by_task(ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor),
        _by_task(_BOOSTING, _BOOSTING),
        "raw",
    ),
    "random_forest": Estimator(
        _by_task(
            partial(ensemble.RandomForestClassifier, n_jobs=-1),
            partial(ensemble.RandomForestRegressor, n_jobs=-1),
        ),
        _by_task(_FOREST, _FOREST),
        "filled",
    ),
}


def build_pipeline(estimator: Estimator, contract: Contract, seed: int) -> Pipeline:
    """Columns to features, features to scores.

    The pipeline takes the float32 matrix of `Contract.encode_table`, (n_rows, n_columns), in
    which a missing number is NaN and a category a code.
    """
    codes = [
        [float(code) for code in range(contract.columns[i].n_codes)] for i in contract.categories
    ]
    one_hot = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [
            ("numbers", NUMBERS[estimator.numbers](), contract.numbers),
            ("categories", one_hot, contract.categories),
        ]
    )
    model = estimator.makers[contract.task](random_state=seed)
    return Pipeline([("columns", columns), ("model", model)])
