"""From raw rows to the model: what you would change first. Yours to edit.

`model_rows` makes the columns of `schema.ModelInput` out of raw rows, row by row. Everything
that is learned from data (scaling, imputing, encoding) belongs into `build_pipeline`, so that
nothing is learned from the holdout and serving loads one object. `ESTIMATORS` are the names that
`train.estimator` in `params.yaml` may have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn import ensemble, linear_model
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import (
    SelectFromModel,
    SelectKBest,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .contract import Contract
from .errors import UsageError
from .params import Select


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of the model input that the raw rows do not have yet.

    Looks at one row at a time: same row, same result, whatever stands beside it.
    """
    clock = raw["sched_dep_time"]
    return raw.assign(
        departure_hour=(clock // 100 + clock % 100 / 60).round(4),
        weekday=date_parts(raw["time_hour"], "America/New_York", ["day_of_week"])["day_of_week"],
    )


def date_parts(values: pd.Series, zone: str, parts: Iterable[str]) -> pd.DataFrame:
    """Parts of moments on the clock of `zone`, one column each; missing where the moment is.

    values: ISO 8601 texts or datetimes, in UTC where they name no zone. zone: as "Europe/Berlin".
    parts: of `Series.dt`, as `hour`, `day_of_week` (0 is Monday), `day_of_year`, `month`.
    """
    local = pd.to_datetime(values, utc=True).dt.tz_convert(zone).dt
    return pd.DataFrame({part: getattr(local, part) for part in parts}, index=values.index)


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
        # Never "auto", which would stop by rows taken at random, whatever the split.
        _by_task(
            partial(ensemble.HistGradientBoostingClassifier, early_stopping=False),
            partial(ensemble.HistGradientBoostingRegressor, early_stopping=False),
        ),
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


def feature_names(contract: Contract) -> list[str]:
    """What the model sees without selection: numbers, then one column for each category."""
    columns = [contract.columns[i] for i in contract.categories]
    levels = [(c.name, level) for c in columns for level in [*c.levels, "missing"][: c.n_codes]]
    return [contract.columns[i].name for i in contract.numbers] + [f"{c} = {v}" for c, v in levels]


def _make_selector(select: Select, contract: Contract, seed: int) -> BaseEstimator:
    names, classify = feature_names(contract), contract.task == "classification"
    if select.keep > len(names):
        raise UsageError(f"train.select.keep = {select.keep}: there are {len(names)} features.")
    if select.by == "pca":
        return PCA(select.keep, svd_solver="full", random_state=seed)
    if select.by == "mutual_information":
        score = mutual_info_classif if classify else mutual_info_regression
        discrete = list(range(len(contract.numbers), len(names)))
        score = partial(score, discrete_features=discrete, random_state=seed)
        return SelectKBest(score, k=select.keep)
    forest = ensemble.ExtraTreesClassifier if classify else ensemble.ExtraTreesRegressor
    forest = forest(max_depth=8, min_samples_leaf=5, random_state=seed)
    return SelectFromModel(forest, threshold=-np.inf, max_features=select.keep)


def build_pipeline(
    estimator: Estimator, contract: Contract, seed: int, select: Select | None = None
) -> Pipeline:
    """Columns to features, those that are selected, and a model.

    The pipeline takes the float32 matrix of `Contract.encode_table`, (n_rows, n_columns), in
    which a missing number is NaN and a category a code. Raises UsageError where `select` keeps
    more features than there are.
    """
    numbers = estimator.numbers
    if select and (select.by == "pca" or (select.by == "mutual_information" and numbers == "raw")):
        numbers = "scaled" if select.by == "pca" else "filled"
    codes = [
        [float(code) for code in range(contract.columns[i].n_codes)] for i in contract.categories
    ]
    one_hot = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [
            ("numbers", NUMBERS[numbers](), contract.numbers),
            ("categories", one_hot, contract.categories),
        ]
    )
    selectors = [("select", _make_selector(select, contract, seed))] if select else []
    model = estimator.makers[contract.task](random_state=seed)
    return Pipeline([("columns", columns), *selectors, ("model", model)])
